// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort worker`: does work for an operator's keepers and provers on another machine.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type Command, InvalidArgumentError } from 'commander'
import { parseCount } from './chain-command.ts'
import { report } from './event-line.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { type QueueOptions, queueAccess, queueOptions } from './queue-options.ts'
import { untilStopped } from './stopping.ts'
import type { WorkerThreadData } from './worker-thread.ts'

type WorkerOptions = QueueOptions & {
  readonly kinds: readonly ('gradients' | 'claims' | 'proofs')[]
  readonly circuits?: readonly string[]
  readonly keys: number
  readonly threads: number
  readonly health?: { readonly host: string; readonly port: number }
  readonly json?: boolean
}

const KINDS = ['gradients', 'claims', 'proofs'] as const

const EXAMPLES = `
Examples:
  cohort worker --queue rediss://queue.example.org:6379 --queue-key workers.key --queue-password queue.password
  cohort worker --queue redis://127.0.0.1:6379 --queue-key workers.key --kinds proofs --circuits circuits/mnist --json

A worker sees the samples, weights and inputs of the jobs that it takes: run it on machines of your own. It never gets the key of a keeper or
of an account. docs/workers.md sets up a queue and says what each kind of job shows.

Exit codes: 0 stopped by a signal, 64 usage, 66 a file that cannot be read, 69 no port, 78 a key file or setting that cannot be used.
`

/** Adds `cohort worker`. */
export function registerWorker(program: Command): void {
  queueOptions(program.command('worker'))
    .description('do jobs of an operator’s keepers and provers on this machine, until interrupted')
    .option(
      '--kinds <list>',
      `kinds of jobs, of ${KINDS.join(',')} (default: gradients,claims; with --circuits proofs, too)`,
      parseKinds,
    )
    .option('--circuits <folder...>', 'for proofs: set-up circuits, or folders of segments')
    .option('--keys <count>', 'proving keys that each thread keeps loaded', parseCount, 2)
    .option('--threads <count>', 'jobs at once (default: one for each core)', parseCount, availableParallelism())
    .option('--health <host:port>', 'where to serve /healthz and /metrics', parseEndpoint)
    .option('--json', 'report each event as a line of JSON on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (options: WorkerOptions) => workerCommand(options))
}

async function workerCommand(options: WorkerOptions): Promise<void> {
  const { circuits = [], threads, keys } = options
  const kinds = options.kinds ?? ['gradients', 'claims', ...(circuits.length === 0 ? [] : (['proofs'] as const))]
  if (kinds.includes('proofs') !== circuits.length > 0) {
    throw new UsageError('jobs of kind proofs need --circuits, and --circuits needs proofs among --kinds')
  }
  const access = await queueAccess(options)
  if (access === null) throw new UsageError('--queue is needed: where the operator’s queue is')
  await untilStopped(async (signal) => {
    const { loadWorkerSide } = await import('../jobs/index.ts')
    const { WorkerHealth } = await import('./worker-health.ts')
    const { QueueWorker, ComputePool } = await loadWorkerSide()
    await using cleanup = new AsyncDisposableStack()
    const lanes = await lanesOf(kinds, circuits)
    const health = new WorkerHealth()
    const pool = cleanup.use(
      new ComputePool(
        () =>
          new Worker(new URL('./worker-thread.ts', import.meta.url), {
            name: 'jobs',
            workerData: { cohortWorker: { circuits, keys }, mod: 'data:text/javascript,' } satisfies WorkerThreadData,
          }),
        threads,
      ),
    )
    const worker = cleanup.use(
      await QueueWorker.open(access, {
        ...{ lanes, concurrency: threads },
        compute: (kind, input, timeoutMs) => pool.run(kind, input, timeoutMs),
        onEvent: ({ event, ...fields }) => {
          health.note({ event, ...fields } as never)
          report(options, event, fields)
        },
      }),
    )
    if (options.health !== undefined) {
      const { host, port } = options.health
      const at = await health
        .listen(host, port, () => worker.connected)
        .catch((cause: Error) => {
          throw new CommandError(`--health ${host}:${port}: ${cause.message}: choose another port`, EXIT.unavailable)
        })
      cleanup.defer(() => health.close())
      report(options, 'listening', { host, port: at })
    }
    report(options, 'started', { queue: access.name, kinds: kinds.join(','), lanes: lanes.length, threads })
    if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  })
  report(options, 'stopped', {})
}

async function lanesOf(kinds: readonly string[], folders: readonly string[]) {
  const { gradients, claims, proofs, proofLane } = await import('../jobs/index.ts')
  const lanes: { lane: string; kind: never }[] = []
  for (const kind of [gradients, claims]) {
    if (kinds.includes(kind.name)) lanes.push({ lane: kind.name, kind: kind as never })
  }
  if (folders.length === 0) return lanes
  const { circuitsOf } = await import('../serving/index.ts')
  for (const folder of folders) {
    for (const { manifest } of await circuitsOf(folder)) {
      const { circuitId, modelCommitment } = manifest
      lanes.push({ lane: proofLane({ circuitId, modelCommitment: BigInt(modelCommitment) }), kind: proofs() as never })
    }
  }
  return lanes
}

function parseKinds(text: string): WorkerOptions['kinds'] {
  const names = text.split(',').map((name) => name.trim())
  const wrong = names.find((name) => !KINDS.some((kind) => kind === name))
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is none of ${KINDS.join(', ')}.`)
  return [...new Set(names)] as WorkerOptions['kinds']
}

function parseEndpoint(text: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[2]) > 65_535) throw new InvalidArgumentError('HOST:PORT is needed.')
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2]) }
}
