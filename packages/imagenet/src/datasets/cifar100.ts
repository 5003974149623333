import { cifarKind } from '@headshare/core/data-check/data-kind';

export default cifarKind('cifar100');
