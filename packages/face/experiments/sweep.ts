import { experiments } from '../src/experiments';

export default experiments.sweep;
