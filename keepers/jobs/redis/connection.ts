// SPDX-License-Identifier: GPL-3.0-or-later
// Connections with BullMQ and ioredis, which are loaded only when a queue on a server is opened.
import type { QueueAccess } from '../config.ts'
import { JobError, quoted } from '../errors.ts'

/** Milliseconds to establish a connection. */
const CONNECT_MS = 5_000
/** Milliseconds between attempts to connect again, at most. */
const MOST_PAUSE_MS = 5_000

export async function loadBull() {
  const [bull, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
  return { ...bull, Redis }
}

/** @param patient Whether commands wait for ever for a lost server. Otherwise they fail while it is away. */
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

/** The prefix of BullMQ's keys for this queue, in place of the default `bull:`. */
export function prefixOf({ name }: Pick<QueueAccess, 'name'>): string {
  return `{cohort-${name}}`
}

/** The key under which the server has the sealed bytes of a job or its answer, beside BullMQ's own. */
export function payloadKey(
  access: Pick<QueueAccess, 'name'>,
  lane: string,
  id: string,
  what: 'job' | 'answer',
): string {
  return `${prefixOf(access)}:payload:${lane}:${id}:${what}`
}

/** An error without its cause, because errors of ioredis contain the command, and for AUTH the password. */
export function unavailable(access: QueueAccess, cause: unknown): JobError {
  const reason = quoted(cause instanceof Error ? cause.message : cause)
  return new JobError('UNAVAILABLE', `the queue at ${serverName(access)} does not answer: ${reason}`)
}
