import { randomBytes, scryptSync } from 'node:crypto';

/** The token that all machines of a run share. */
export const tokenVariable = 'HEADSHARE_CLUSTER_TOKEN';

/**
 * TLS 1.2 with a key that both sides know instead of certificates. ECDHE: who learns the token later, or guesses it, can
 * not read what was recorded before.
 */
export const ciphers = 'ECDHE-PSK-CHACHA20-POLY1305';

/** Both sides send it; it is no secret. */
export const identity = 'headshare';

/** The key of a token. */
export const keyOf = (token: string): Buffer => scryptSync(token, 'headshare cluster 1', 32, { N: 1 << 14 });

/** A token for workers of one machine. */
export const randomToken = (): string => randomBytes(24).toString('base64url');
