export { distillStudentHead as default } from '../src/experiments';
