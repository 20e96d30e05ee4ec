// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort story`: the reader of launch news, and proofs of what it reads in a publisher's signed story.
import type { Command } from 'commander'
import type { Reading } from '../serving/index.ts'
import type { InferenceProof, InferenceProver, ProveOptions } from '../zkml/index.ts'
import { circuitLines } from './zkml/circuit-lines.ts'
import { proofFileText } from './zkml/proof-file.ts'
import { emit, fieldElement, percent, usage, wholeNumber, withTerminal } from './zkml/terminal.ts'

const JSON_FLAG = ['--json', 'print the result as JSON'] as const

type Provable = {
  readonly story: Uint8Array
  /** Of the file that holds it. */
  readonly mode: number
  prove(
    prover: InferenceProver,
    context: bigint,
    options: ProveOptions,
  ): Promise<{ readonly reading: Reading; readonly proof: InferenceProof }>
}

type Told = { readonly tag: string; readonly headline: string }

export function registerStory(program: Command): void {
  const story = program.command('story').description('read headlines, and prove the reading of a signed story')

  story
    .command('train')
    .description('train the reader from nothing; the seed gives the same bits everywhere')
    .option('--seed <n>', 'data, first weights and order of samples', wholeNumber('--seed', 0, 0xffff_ffff), 1)
    .option('--out <file>', 'file for the reader (default: standard output)')
    .option(...JSON_FLAG)
    .action(train)

  story
    .command('circuit <folder>')
    .description('compile the reader into a circuit; then: cohort zkml setup <folder> --local')
    .option('--reader <file>', 'a reader that `train` wrote (default: the one of this release)')
    .option('--private', 'for private stories: the circuit itself checks the signature')
    .option(...JSON_FLAG)
    .action(circuit)

  story
    .command('read <folder>')
    .description('print the label that a folder’s circuit gives, without a proof')
    .requiredOption('--headline <text>', 'at most 111 characters of printable ASCII')
    .option('--tag <hex>', 'eight bytes, from tagOf of the market', `0x${'00'.repeat(8)}`)
    .option(...JSON_FLAG)
    .action(read)

  story
    .command('prove <folder>')
    .description('prove the circuit’s reading, for one market')
    .option('--headline <text>', 'at most 111 characters of printable ASCII')
    .option('--tag <hex>', 'eight bytes, from tagOf of the market')
    .option('--private <file>', 'instead of both: the file that `sign-private` wrote')
    .requiredOption('--context <number>', 'from contextOf of the market', fieldElement('--context'))
    .option('--story <file>', 'also write the 119 bytes that the publisher signs')
    .option('--out <file>', 'file for the proof (default: standard output)')
    .action(prove)

  story
    .command('sign-private')
    .description('sign a headline that only the prover gets to see, with a key from `cohort zkml sign-key`')
    .requiredOption('--headline <text>', 'at most 111 characters of printable ASCII')
    .requiredOption('--tag <hex>', 'eight bytes, from tagOf of the market')
    .requiredOption('--key <file>', 'the key that `cohort zkml sign-key` drew')
    .requiredOption('--out <file>', 'file for story, salt and signature, which are secret')
    .action(signPrivate)
}

async function train(options: { readonly seed: number; readonly out?: string; readonly json?: boolean }) {
  const { savedReader, trainHeadlineReader } = await import('../apps/story/index.ts')
  await withTerminal(options, async (terminal) => {
    const trained = await trainHeadlineReader({
      seed: options.seed,
      signal: terminal.signal,
      onProgress: ({ epoch, epochs, accuracy }) =>
        terminal.progress(`training, epoch ${Math.min(epoch + 1, epochs)} of ${epochs}: ${percent(accuracy)}`),
    })
    await emit(savedReader(trained, options.seed), options.out)
    const { accuracy, count } = trained.evaluation
    if (options.out === undefined) return
    terminal.result(
      { reader: options.out, accuracy, headlines: count },
      `${options.out}\naccuracy ${percent(accuracy)} on ${count} headlines in phrasing that training never saw`,
    )
  })
}

async function circuit(
  folder: string,
  options: { readonly reader?: string; readonly private?: boolean; readonly json?: boolean },
) {
  const { readFile } = await import('node:fs/promises')
  const { launchNewsReader, PRIVATE_STORY_CIRCUIT, STORY_CIRCUIT, storyProgram } = await import(
    '../apps/story/index.ts'
  )
  const { compileFolder } = await import('../zkml/index.ts')
  await withTerminal(options, async (terminal) => {
    const reader = options.reader === undefined ? undefined : await readFile(options.reader, 'utf8')
    const program = storyProgram(launchNewsReader(reader))
    terminal.progress('compiling the circuit; seconds to a minute')
    const shown = options.private === true ? PRIVATE_STORY_CIRCUIT : STORY_CIRCUIT
    const { manifest } = await compileFolder({ folder, program, options: shown, signal: terminal.signal })
    terminal.result(manifest, circuitLines(folder, manifest).join('\n'))
  })
}

async function read(folder: string, options: Told & { readonly json?: boolean }) {
  const { encodeStory, readStory, storyDigest } = await import('../apps/story/index.ts')
  const { openFolder } = await import('../zkml/index.ts')
  const { program } = await openFolder(folder)
  const story = encodeStory(options.tag, options.headline)
  const reading = readStory(program, story)
  const digest = storyDigest(story)
  await withTerminal(options, async (terminal) => {
    terminal.result({ ...plain(reading), digest }, `${await described(reading)}\ndigest  ${digest}`)
  })
}

async function prove(
  folder: string,
  options: Partial<Told> & {
    readonly private?: string
    readonly context: bigint
    readonly story?: string
    readonly out?: string
  },
) {
  const { InferenceProver, writeAtomically } = await import('../zkml/index.ts')
  const told = await toldBy(options)
  await withTerminal({}, async ({ signal, progress }) => {
    progress('loading the circuit and its key')
    const prover = await InferenceProver.open(folder, { signal })
    try {
      progress('proving')
      const { reading, proof } = await told.prove(prover, options.context, { signal })
      const { circuitId } = prover.circuit.folder.manifest
      const { vkHash, setup } = prover.metadata
      if (options.story !== undefined) await writeAtomically(options.story, told.story, told.mode)
      await emit(proofFileText(proof, { circuitId, vkHash, setup }), options.out)
      progress(await described(reading))
    } finally {
      await prover.close()
    }
  })
}

/** The story from the options, in the form in which it is proven. */
async function toldBy(options: Partial<Told> & { readonly private?: string }): Promise<Provable> {
  const { encodeStory, provePrivateStory, proveStory } = await import('../apps/story/index.ts')
  const { headline, tag, private: file } = options
  if (file === undefined) {
    if (headline === undefined || tag === undefined) throw usage('say --headline and --tag, or --private <file>')
    const story = encodeStory(tag, headline)
    return { story, mode: 0o644, prove: (prover, ...rest) => proveStory(prover, story, ...rest) }
  }
  if (headline !== undefined || tag !== undefined) throw usage('--private names headline and tag already')
  const { readSigned } = await import('./zkml/sign-commands.ts')
  const { input, salt, signed } = await readSigned(file)
  const story = Uint8Array.from(input)
  return { story, mode: 0o600, prove: (prover, ...rest) => provePrivateStory(prover, { story, salt, signed }, ...rest) }
}

async function signPrivate(options: Told & { readonly key: string; readonly out: string }) {
  const { signPrivateStory } = await import('../apps/story/index.ts')
  const [{ readKey }, { writeInput }] = await Promise.all([
    import('./zkml/sign-commands.ts'),
    import('./zkml/samples.ts'),
  ])
  const { story, salt, signed } = signPrivateStory(await readKey(options.key), options.tag, options.headline)
  await writeInput(options.out, { input: story, salts: { input: salt }, signed })
  await withTerminal({}, async ({ result }) => result({}, `${options.out}: for the prover, and nobody else`))
}

async function described({ label, margin }: Reading): Promise<string> {
  const { LAUNCH_OUTCOMES } = await import('../apps/story/index.ts')
  return `label   ${label} (${LAUNCH_OUTCOMES[label]})\nmargin  ${margin}`
}

/** JSON has no integers of that size. */
function plain({ label, margin, output }: Reading) {
  return { label, margin: String(margin), output: String(output) }
}
