// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { ROOT } from '../bootstrap/paths.mjs'
import { EXAMPLE_NAMES, EXAMPLES } from '../examples/examples.ts'

/** Programs that can be the local chain. */
export const CHAIN_CLIENTS = ['hardhat', 'anvil', 'geth'] as const
export type ChainClient = (typeof CHAIN_CLIENTS)[number]

export const HELP = `usage: npm run demo [-- options]

  The whole system on this machine: a local chain, a deployment, keeper processes with private shards of handwritten
  digits, federated rounds under threshold encryption, a DAO release, and an inference proven on-chain.

  --keepers N   keeper processes, 4 … 16 (default 4)
  --spoilers N  of them, how many send updates that are false, fewer than a third (default 0); the rounds go on,
                and the report names whom the members convicted
  --rounds N    rounds to complete, 1 … 100 (default 5)
  --model NAME  small-cnn, article-cnn, mlp or logistic (default small-cnn)
  --example NAME
                somebody's problem instead of digits, with a manifest made on the spot and a network of its own: cancer
                (a table, a proven diagnosis), diabetes (an amount with its unit), mail (text, from the npm registry),
                fashion (pictures of garments, from Debian's packages or --data, else drawn), sklearn (a scikit-learn
                MLP from ONNX, which Python trains)
  --manifest FILE
                a service of yours, such as "cohort new" makes, with --data: a CSV file, a file of arrays (.npz, .npy,
                .safetensors, .json), or a folder of IDX files or with a folder of pictures for each class
  --weights FILE
                the file of first weights that this manifest names (default: weights.onnx beside it)
  --data PATH   MNIST's IDX files, or with fashion those of garments (default for digits: ../shared/data/mnist, else
                digits that the project draws itself)
  --alpha X     Dirichlet concentration of the shards, > 0 (default 0.5; smaller is more skewed)
  --seed N      of the shards and of the training (default 1)
  --client NAME the local chain: hardhat (default), or anvil or geth where they are installed (on the PATH, or where
                COHORT_ANVIL or COHORT_GETH says)
  --block-time S
                seconds between its blocks, 1 … 15 (default 1)
  --port N      of the local chain (default: a free one; 8545 with --serve)
  --web-port N  of the console's page, with --serve (default: a free one)
  --out FILE    the report as JSON (default demo-report.json)
  --serve       keep the chain and the keepers up afterwards, until interrupted, for README's commands to be tried on
  --serve-keepers N
                with --serve, how many keepers go on working once the rounds are done (default: all); with fewer than
                three no new round begins, and an idle demo takes little of a processor
  --vote-seconds N
                how long the DAO's votes last, 6 … 3600 (default 6, and 30 with --serve, for votes by hand)
  --json        print the report as JSON instead of tables
`

const integer = (min: number, max: number) =>
  z.coerce
    .number({ error: 'takes a number' })
    .int({ error: 'takes a whole number' })
    .min(min, { error: `takes at least ${min}` })
    .max(max, { error: `takes at most ${max}` })

const schema = z.object({
  keepers: integer(4, 16).default(4),
  spoilers: integer(0, 5).default(0),
  rounds: integer(1, 100).default(5),
  model: z.enum(['small-cnn', 'article-cnn', 'mlp', 'logistic']).default('small-cnn'),
  example: z.enum(EXAMPLE_NAMES).optional(),
  manifest: z.string().optional(),
  weights: z.string().optional(),
  data: z.string().optional(),
  alpha: z.coerce.number().positive().default(0.5),
  seed: integer(0, 2 ** 31 - 1).default(1),
  client: z.enum(CHAIN_CLIENTS).optional(),
  'block-time': integer(1, 15).optional(),
  port: integer(1, 65_535).optional(),
  'web-port': integer(1, 65_535).optional(),
  out: z.string().default('demo-report.json'),
  serve: z.boolean().default(false),
  'serve-keepers': integer(1, 16).optional(),
  'vote-seconds': integer(6, 3_600).optional(),
  json: z.boolean().default(false),
})

export type DemoOptions = z.infer<typeof schema>

/** An option that did not parse; `message` is one line. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly exitCode = 64
}

/**
 * Parses the command line. Returns null when help was asked for.
 * @throws OptionError naming the option, the value and the accepted values
 */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  let values: Record<string, unknown>
  try {
    values = parseArgs({
      args: [...args],
      options: {
        keepers: text,
        spoilers: text,
        rounds: text,
        model: text,
        example: text,
        manifest: text,
        weights: text,
        data: text,
        alpha: text,
        seed: text,
        client: text,
        'block-time': text,
        port: text,
        'web-port': text,
        out: text,
        serve: flag,
        'serve-keepers': text,
        'vote-seconds': text,
        json: flag,
        help: { ...flag, short: 'h' },
      },
    }).values
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message.split('\n')[0]! : String(error))
  }
  if (values.help) return null
  const parsed = schema.safeParse(values)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const name = String(issue.path[0])
    throw new OptionError(`--${name} '${String(values[name])}': ${issue.message}`)
  }
  const { keepers, spoilers } = parsed.data
  if (3 * spoilers >= keepers) {
    throw new OptionError(`--spoilers '${spoilers}': takes fewer than a third of --keepers ${keepers}`)
  }
  const staying = parsed.data['serve-keepers']
  if (staying !== undefined && !parsed.data.serve)
    throw new OptionError(`--serve-keepers '${staying}': takes --serve, without which none goes on`)
  if (staying !== undefined && staying > keepers)
    throw new OptionError(`--serve-keepers '${staying}': takes at most --keepers ${keepers}`)
  const { manifest } = parsed.data
  if (manifest !== undefined) {
    const other = (['model', 'example'] as const).find((name) => values[name] !== undefined)
    if (other !== undefined)
      throw new OptionError(`--${other} '${String(values[other])}': leave it out, --manifest determines it`)
    if (!existsSync(manifest)) throw new OptionError(`--manifest '${manifest}': no such file`)
    if (values.data === undefined) throw new OptionError(`--manifest '${manifest}': --data names the samples`)
  }
  const { weights } = parsed.data
  if (weights !== undefined) {
    if (manifest === undefined) throw new OptionError(`--weights '${weights}': --manifest names the service`)
    if (!existsSync(weights)) throw new OptionError(`--weights '${weights}': no such file`)
  }
  if (parsed.data.example !== undefined) {
    const own =
      'pictures' in EXAMPLES[parsed.data.example] ? (['model'] as const) : (['model', 'data', 'alpha'] as const)
    const other = own.find((name) => values[name] !== undefined)
    if (other !== undefined) throw new OptionError(`--${other} '${String(values[other])}': --example has its own`)
  }
  if (parsed.data.data !== undefined && !existsSync(parsed.data.data)) {
    throw new OptionError(`--data '${parsed.data.data}': no such file or folder`)
  }
  return parsed.data
}

/** The real MNIST where it lies at hand, else null: the keepers then draw their own digits. */
export function findData(options: DemoOptions): string | null {
  const places = [options.data, process.env.COHORT_MNIST, join(ROOT, '..', 'shared', 'data', 'mnist')]
  return places.find((place) => place !== undefined && existsSync(place)) ?? null
}
