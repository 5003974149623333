import { createServer, type TLSSocket } from 'node:tls';
import { UserError } from '../system/user-error';
import { errorCode } from '../system/whole-file';
import { type Address, addressText, plainHost } from './addresses';
import { BadMessage, LineReader, lineLimits, lineOf, readFromWorker } from './messages';
import { type Connection, Roster, type RosterOptions, type Worker } from './roster';
import { ciphers, identity, keyOf } from './secret';

/** Milliseconds in which a connection has to prove that it knows the token and say who it is. */
const strangerPatience = 5000;

export interface CoordinatorOptions extends RosterOptions {
  /** Port 0: any free one. */
  readonly listen: Address;
  readonly token: string;
}

export interface Coordinator {
  /** Where it listens. */
  readonly address: Address;
  /** The workers that are there, by task. */
  workers(): readonly { readonly task: number; readonly isHome: boolean; readonly pid: number }[];
  /** Tells all workers that nothing goes on: the run is finished, or cannot go on for a reason. */
  end(why?: string): void;
  close(): Promise<void>;
}

/**
 * Starts the coordinator: it knows who is there, forms generations, gathers small values and keeps home's notice board.
 * @throws UserError if it cannot listen
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const roster = new Roster(options);
  const key = keyOf(options.token);
  const sockets = new Set<TLSSocket>();
  const server = createServer({
    ciphers,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    handshakeTimeout: strangerPatience,
    pskCallback: (_socket, given) => (given === identity ? key : null),
  });
  server.maxConnections = 8192;
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, roster);
  });
  // Strangers, port scanners, another token: nothing that helps them, nothing that stops us.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new UserError(`The coordinator cannot listen on ${addressText(options.listen)} (${errorCode(error)}).`, 1),
      ),
    );
    server.listen(options.listen.port, options.listen.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : options.listen.port;
  return {
    address: { host: options.listen.host, port },
    workers: () => roster.present().map(({ task, isHome, hello }) => ({ task, isHome, pid: hello.pid })),
    end: (why) => roster.end(why),
    close: async () => {
      roster.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.end();
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 500).unref();
      await closed;
    },
  };
}

/** Reads a connection's messages. Anything that is no message ends it. */
function serve(socket: TLSSocket, roster: Roster): void {
  const reader = new LineReader();
  let worker: Worker | undefined;
  const connection: Connection = {
    send: (message) => {
      if (socket.writable) socket.write(lineOf(message));
    },
    end: () => socket.end(),
  };
  const drop = (): void => {
    socket.destroy();
  };
  const stranger = setTimeout(drop, strangerPatience);
  socket.setNoDelay(true);
  socket.setEncoding('utf8');
  socket.on('error', drop);
  socket.once('close', () => {
    clearTimeout(stranger);
    if (worker) roster.lost(worker, connection);
  });
  socket.on('data', (chunk: string) => {
    try {
      for (const line of reader.take(chunk, worker ? lineLimits.worker : lineLimits.hello)) {
        const message = readFromWorker(line);
        if (worker) roster.heard(worker, message);
        else if (message.type === 'hello') {
          worker = roster.admit(message, plainHost(socket.remoteAddress ?? ''), connection);
          if (worker) clearTimeout(stranger);
        } else if (message.type === 'announce') roster.announced(message, connection);
        else throw new BadMessage('it says no hello');
      }
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      connection.send({ type: 'refused', why: `the coordinator does not understand a message: ${error.message}` });
      socket.end();
      setTimeout(drop, 200).unref();
    }
  });
}
