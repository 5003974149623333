export { teacher as default } from '../src/experiments';
