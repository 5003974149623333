export { startCoordinator } from './coordinator';
