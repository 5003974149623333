/** The one fingerprint of files of data, for run keys, caches and MLflow; other packages can import only TypeScript files. */
export { contentStamp, isSmall, statStamp } from './stamps.cjs';
