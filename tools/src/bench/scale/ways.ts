/** What a group of processes can be asked to measure; torch_ddp.py does some of it with PyTorch. */
import type { SumType } from '@headshare/core/runtime/ops/collective';
import type { CaseName } from '../step/cases';

export type Way = StepWay | SumWay | { readonly kind: 'hop' };

/**
 * Training steps: alone, each process for itself; local, one slice of a shared step whose sums nobody adds up; with sums
 * over all processes; traffic, those sums and nothing else (asked after the way with the same sums).
 */
export interface StepWay {
  readonly kind: 'step';
  readonly case: CaseName;
  /** Images in each process. */
  readonly batch: number;
  readonly as: 'alone' | 'local' | 'traffic' | SumType | TorchWay;
  /** Of traffic. */
  readonly sums?: SumType;
}

export const torchWays = ['ddp', 'ddp-channels-last', 'ddp-compile'] as const;
export type TorchWay = (typeof torchWays)[number];

/** An all-reduce of 2^20 x megabytes / 4 float32 numbers. */
export interface SumWay {
  readonly kind: 'sum';
  readonly sums: SumType | 'gloo';
  readonly megabytes: number;
}

export interface ChildTask {
  readonly index: number;
  /** HOST:PORT of all processes; none: this one is by itself. */
  readonly addresses: readonly string[];
  readonly ways: readonly Way[];
}

/** Runs a way so many times, after all processes are there. */
export interface Question {
  /** Its place in the list. */
  readonly way: number;
  readonly times: number;
}

export interface Answer {
  readonly seconds: readonly number[];
  /** Of the processor, in all threads, for one time. */
  readonly cpuSeconds: number;
}
