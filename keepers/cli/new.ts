// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort new`: makes a folder with everything from which a service of somebody's data starts, and with the commands to run.
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import type { Command } from 'commander'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { ProgressLine } from './learning-options.ts'
import { type Drafted, type DraftingOptions, draft, draftOptions, nameOf } from './service-draft.ts'
import { reportText } from './service-text.ts'
import { shellWord } from './shell-word.ts'
import { interruptible } from './stopping.ts'

type NewOptions = DraftingOptions & { readonly out?: string }

const EXAMPLES = `
Examples:
  cohort new --data patients.csv --target outcome
  cohort new --data examples/diabetes/patients.csv --unit points --out build/diabetes
  cohort new --data mail.csv --text text --target kind
  cohort new --data waves.npz --array signals --target states
`

export function registerNew(program: Command): void {
  draftOptions(
    program
      .command('new')
      .description('a folder for a service of your data: manifest, a row to ask about, commands to run'),
  )
    .option('--out <folder>', 'where it goes (default: the name)')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: NewOptions) => interruptible((signal) => begin(options, signal)))
}

/** Writes the folder beside its place, and moves it there when it is complete. @throws UsageError, CommandError; what a draft throws */
async function begin(options: NewOptions, signal: AbortSignal): Promise<void> {
  const { data } = options
  if (data === undefined)
    throw new UsageError('--data is needed: a CSV file, a file of arrays, or a folder of pictures')
  const out = options.out ?? nameOf(options)
  const there = await stat(out).catch(() => null)
  if (there !== null) throw new CommandError(`${out} is there already: give another --out`, EXIT.usage)
  const line = new ProgressLine()
  const half = join(dirname(resolve(out)), `.${basename(out)}.half`)
  try {
    const drafted = await draft(options, line, signal)
    await rm(half, { recursive: true, force: true })
    await mkdir(half, { recursive: true })
    for (const [name, content] of Object.entries(await filesOf(drafted, out, data))) {
      await writeFile(join(half, name), content)
    }
    await rename(half, out)
    line.clear()
    const { manifest, report } = drafted
    if (options.json === true) process.stdout.write(`${JSON.stringify({ folder: out, ...report })}\n`)
    else {
      const lines = reportText(join(out, 'manifest.json'), manifest, report).split('\n')
      process.stdout.write(`${lines.slice(0, -2).join('\n')}\nnext        read ${join(out, 'README.md')}\n`)
    }
  } finally {
    line.clear()
    await rm(half, { recursive: true, force: true })
  }
}

async function filesOf(
  { sample, manifest, report, start }: Drafted,
  out: string,
  data: string,
): Promise<Record<string, string | Uint8Array>> {
  const { encodeManifest } = await import('../versions/index.ts')
  const { inputs, scale, count } = sample.test
  const first = Array.from(inputs.subarray(0, inputs.length / count), (value) => value * scale)
  return {
    'manifest.json': new TextDecoder().decode(encodeManifest(manifest)),
    ...(start === undefined ? {} : { 'weights.onnx': start }),
    'asked.json': `${JSON.stringify(first)}\n`,
    'README.md': readme({ manifest, report, out, data: resolve(data) }),
  }
}

type Told = Pick<Drafted, 'manifest' | 'report'> & {
  readonly out: string
  readonly data: string
}

function readme({ manifest, report, out, data }: Told): string {
  const { input } = manifest
  const picture = input.kind === 'picture'
  const tensor = input.kind === 'tensor'
  const file = (name: string): string => shellWord(join(out, name))
  const started = manifest.model.weights === undefined ? '' : ` --weights ${file('weights.onnx')}`
  const row = picture
    ? []
    : [
        '',
        `Another ${tensor ? 'sample' : 'row'} than the one in \`asked.json\` (the file may lack the ${tensor ? 'array' : 'column'} '${input.label}'):`,
        '',
        '```sh',
        `cohort service row ${file('manifest.json')} --data ${shellWord(data)} --row 1 --out ${file('row.json')}`,
        '```',
      ]
  return [
    `# ${manifest.name}`,
    '',
    `A service made from ${basename(data)}: ${report.parameters} parameters, ` +
      `${report.proof.constraints} constraints a proof. Its digest is \`${report.digest}\`.`,
    'No sample is in this folder but the one in `asked.json`, which is to be proven about: replace it by one that may be public.',
    '',
    '## The circuit, which proves every version',
    '',
    '```sh',
    `cohort service show ${file('manifest.json')}`,
    `cohort service circuit ${file('manifest.json')} --out ${file('circuit')} --local`,
    '```',
    '',
    '`--local` is for development: whoever made that key could forge. `cohort ceremony` makes keys that nobody can forge with.',
    '',
    '## The service',
    '',
    'On a chain with a deployment (`npm run demo -- --serve` is one; it writes the addresses that commands look for). Without `--now` the DAO votes on it:',
    '',
    '```sh',
    `cohort service create ${file('manifest.json')} --account 0 --now`,
    '```',
    '',
    '## A keeper',
    '',
    'ADDRESS is the service that `create` has named; whoever comes after the first keepers leaves `--manifest` (and `--weights`) out.',
    '',
    '```sh',
    `cohort keeper init --data ${file('keeper')} --service ADDRESS --rpc http://127.0.0.1:8545 \\`,
    `  --manifest ${file('manifest.json')}${started} --samples ${shellWord(data)}`,
    `cohort keeper register --data ${file('keeper')} --account 2 --stake 1000 --fund 0.2`,
    `cohort keeper run --data ${file('keeper')}`,
    '```',
    '',
    '## A proven answer',
    '',
    'Once a version is released (`cohort dao propose-release`) and the circuit’s verifier is registered (`cohort dao deploy-verifier` prints how):',
    '',
    '```sh',
    `cohort infer offer --service ADDRESS --circuit ${file('circuit')} --account 3`,
    `cohort infer request --model-id 1 --circuit ${file('circuit')} --input ${file('asked.json')} --price 0.01 --account 3`,
    `cohort infer serve --circuit ${file('circuit')} --account 4`,
    '```',
    ...row,
    '',
  ].join('\n')
}
