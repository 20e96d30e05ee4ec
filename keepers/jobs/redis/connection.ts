// SPDX-License-Identifier: GPL-3.0-or-later
// BullMQ and ioredis, loaded when a queue on a server is opened, and not before.
import type { QueueAccess } from '../config.ts'
import { JobError, quoted } from '../errors.ts'

/** Milliseconds for a connection to come about. */
const CONNECT_MS = 5_000
/** Milliseconds between attempts to connect again, at most. */
const MOST_PAUSE_MS = 5_000

export async function loadBull() {
  const [bull, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
  return { ...bull, Redis }
}

/** @param patient Waits for a lost server for ever; else commands fail while it is away. */
export function connectionOf({ url, password, ca }: QueueAccess, patient: boolean) {
  const { protocol, hostname, port, username, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    db: pathname.length > 1 ? Number(pathname.slice(1)) : 0,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === null ? {} : { password }),
    // The certificate must be the server's, signed by an authority that this machine or `caFile` trusts.
    ...(protocol === 'rediss:' ? { tls: { rejectUnauthorized: true, ...(ca === null ? {} : { ca }) } } : {}),
    connectTimeout: CONNECT_MS,
    retryStrategy: (times: number) => Math.min(100 * times, MOST_PAUSE_MS),
    ...(patient ? { maxRetriesPerRequest: null } : { maxRetriesPerRequest: 1, enableOfflineQueue: false }),
  }
}

/** The server's name for errors and logs: without user and database. */
export function serverName({ url }: Pick<QueueAccess, 'url'>): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** BullMQ's own names: `bull:` is everybody's, this one is the operator's. */
export function prefixOf({ name }: Pick<QueueAccess, 'name'>): string {
  return `{cohort-${name}}`
}

/** Where the sealed bytes of a job and of its answer lie, beside what BullMQ keeps. */
export function payloadKey(
  access: Pick<QueueAccess, 'name'>,
  lane: string,
  id: string,
  what: 'job' | 'answer',
): string {
  return `${prefixOf(access)}:payload:${lane}:${id}:${what}`
}

/** Without the cause: the errors of ioredis carry the command, and that of AUTH the password. */
export function unavailable(access: QueueAccess, cause: unknown): JobError {
  const reason = quoted(cause instanceof Error ? cause.message : cause)
  return new JobError('UNAVAILABLE', `the queue at ${serverName(access)} does not answer: ${reason}`)
}
