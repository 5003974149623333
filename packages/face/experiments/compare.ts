export { compare as default } from '../src/experiments';
