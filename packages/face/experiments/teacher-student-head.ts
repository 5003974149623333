export { teacherStudentHead as default } from '../src/experiments';
