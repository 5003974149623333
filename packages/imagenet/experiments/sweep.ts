export { sweep as default } from '../src/experiments';
