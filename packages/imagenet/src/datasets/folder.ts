import { classFolderKind } from '@headshare/core/data-check/data-kind';

export default classFolderKind;
