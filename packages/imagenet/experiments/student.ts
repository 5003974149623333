export { student as default } from '../src/experiments';
