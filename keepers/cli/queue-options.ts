// SPDX-License-Identifier: GPL-3.0-or-later
// The options with which a command reaches its operator's queue. They correspond to `workers` in keeper.yaml.
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { CommandError, EXIT, UsageError } from './failure.ts'

export type QueueOptions = {
  readonly queue?: string
  readonly queueName: string
  readonly queueKey?: string
  readonly queuePassword?: string
  readonly queueCa?: string
  readonly allowPlaintext?: boolean
  readonly silentSeconds: number
}

export function queueOptions(to: Command): Command {
  return to
    .option('--queue <url>', 'the operator’s queue: redis://127.0.0.1:6379, or rediss:// on another machine')
    .option('--queue-name <name>', 'name of the queue, where a server has several', 'cohort')
    .option('--queue-key <file>', 'key that the operator’s machines share: openssl rand -hex 32 > FILE')
    .option('--queue-password <file>', 'the server’s password')
    .option('--queue-ca <file>', 'authority of the server’s certificate, PEM')
    .option('--allow-plaintext', 'allow another machine without TLS: only on a network of your own')
    .option('--silent-seconds <number>', 'silence after which a worker’s job goes to another', parseSeconds, 10)
}

/** The access that the options describe, or null without --queue. @throws UsageError; CommandError for files that cannot be used */
export async function queueAccess(options: QueueOptions) {
  const { JobError, queueSchema, readAccess } = await import('../jobs/index.ts')
  const { queue, queueName, queueKey, queuePassword, queueCa, allowPlaintext = false, silentSeconds } = options
  if (queue === undefined) {
    const stray = Object.entries({ 'queue-key': queueKey, 'queue-password': queuePassword, 'queue-ca': queueCa }).find(
      ([, value]) => value !== undefined,
    )
    if (stray !== undefined) throw new UsageError(`--${stray[0]} is about a queue: give --queue, or leave it out`)
    return null
  }
  if (queueKey === undefined) throw new UsageError('--queue needs --queue-key: openssl rand -hex 32 > FILE')
  const parsed = queueSchema.safeParse({
    ...{ queue, name: queueName, keyFile: resolve(queueKey), allowPlaintext, silentSeconds },
    ...(queuePassword === undefined ? {} : { passwordFile: resolve(queuePassword) }),
    ...(queueCa === undefined ? {} : { caFile: resolve(queueCa) }),
  })
  if (parsed.success) {
    try {
      return readAccess(parsed.data)
    } catch (error) {
      if (!(error instanceof JobError)) throw error
      throw new CommandError(error.message, error.message.includes('cannot read') ? EXIT.noInput : EXIT.config)
    }
  }
  const [issue] = parsed.error.issues
  throw new UsageError(`--${OPTION[String(issue?.path[0])] ?? 'queue'}: ${issue?.message}`)
}

const OPTION: Readonly<Record<string, string>> = {
  queue: 'queue',
  name: 'queue-name',
  keyFile: 'queue-key',
  passwordFile: 'queue-password',
  caFile: 'queue-ca',
  silentSeconds: 'silent-seconds',
}

function parseSeconds(text: string): number {
  const value = Number(text)
  if (!(value >= 1 && value <= 600)) throw new InvalidArgumentError('1 to 600 seconds are needed.')
  return value
}
