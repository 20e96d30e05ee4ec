// SPDX-License-Identifier: GPL-3.0-or-later
// The settings of an operator's queue: where it is, and what it takes to use it. A keeper has them in keeper.yaml (`workers`), other commands as options.
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { JobError } from './errors.ts'
import { KEY_BYTES } from './seal.ts'

/** Jobs that a keeper hands out; proofs are those of `cohort prover`. */
export const KEEPER_JOBS = ['gradients', 'claims'] as const

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

export const queueSchema = z
  .strictObject({
    /** redis:// or rediss://, with a user if the server wants one, and without the password. */
    queue: z
      .url({ protocol: /^rediss?$/, error: 'takes a redis:// or rediss:// URL' })
      .refine(
        (text) => !URL.canParse(text) || new URL(text).password === '',
        'takes a URL without a password: give passwordFile',
      ),
    /** The operator's name for the queue, because several queues can share one server. */
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'takes up to 40 small letters, digits and hyphens')
      .default('cohort'),
    /** File of 64 hex digits, the same on all machines of the operator. */
    keyFile: z.string().min(1),
    passwordFile: z.string().min(1).optional(),
    /** PEM file of the authority that signed the server's certificate. */
    caFile: z.string().min(1).optional(),
    /** Allow a server on another machine without TLS: only on a network that nobody else uses. */
    allowPlaintext: z.boolean().default(false),
    /** Seconds after which a silent worker's job goes to another one. */
    silentSeconds: z.number().min(1).max(600).default(10),
  })
  .superRefine(({ queue, passwordFile, caFile, allowPlaintext }, context) => {
    if (!URL.canParse(queue)) return
    const { protocol, hostname } = new URL(queue)
    const add = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if (caFile !== undefined && protocol === 'redis:') add('caFile', 'is for rediss://: correct queue, or leave it out')
    if (LOOPBACK.test(hostname)) return
    if (protocol === 'redis:' && !allowPlaintext) {
      add(
        'queue',
        `${queue} goes to another machine without TLS: use rediss://, or set allowPlaintext on a network of your own`,
      )
    }
    if (passwordFile === undefined)
      add('passwordFile', `is missing: ${hostname} is another machine, whose server must want a password`)
  })

/** The `workers` section of a keeper. */
export const workersSchema = queueSchema.safeExtend({
  /** The kinds of jobs that are handed out. */
  kinds: z
    .array(z.enum(KEEPER_JOBS))
    .min(1)
    .default([...KEEPER_JOBS]),
})

export type QueueConfig = z.infer<typeof queueSchema>

/** A queue's address and secrets, read from their files. It is plain data, so it can be sent to a thread. */
export type QueueAccess = {
  readonly url: string
  readonly name: string
  readonly key: Uint8Array
  readonly password: string | null
  readonly ca: string | null
  readonly silentMs: number
}

/** The same settings with absolute paths. */
export function withQueuePaths<C extends QueueConfig>(config: C, folder: string): C {
  const at = (path: string | undefined) => (path === undefined || isAbsolute(path) ? path : join(folder, path))
  const files = { keyFile: at(config.keyFile)!, passwordFile: at(config.passwordFile), caFile: at(config.caFile) }
  return { ...config, ...Object.fromEntries(Object.entries(files).filter(([, path]) => path !== undefined)) }
}

/** Reads the files that the settings name. @throws JobError BAD_CONFIG naming key, file and fix */
export function readAccess(config: QueueConfig): QueueAccess {
  const { queue, name, keyFile, passwordFile, caFile, silentSeconds } = config
  const text = read('keyFile', keyFile).trim()
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new JobError(
      'BAD_CONFIG',
      `keyFile: ${keyFile} takes ${2 * KEY_BYTES} hex digits: openssl rand -hex 32 > ${keyFile}`,
    )
  }
  if (((statSync(keyFile, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0) {
    throw new JobError(
      'BAD_CONFIG',
      `keyFile: every user of this machine may read or write ${keyFile}: chmod 600 ${keyFile}`,
    )
  }
  return {
    ...{ url: queue, name, key: new Uint8Array(Buffer.from(text, 'hex')), silentMs: 1_000 * silentSeconds },
    password: passwordFile === undefined ? null : read('passwordFile', passwordFile).trim(),
    ca: caFile === undefined ? null : read('caFile', caFile),
  }
}

function read(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new JobError('BAD_CONFIG', `${key}: cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
}
