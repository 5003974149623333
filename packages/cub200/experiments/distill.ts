export { distill as default } from '../src/experiments';
