// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort story`: the reader of launch news, and proofs of what it reads in a publisher's signed story.
import type { Command } from 'commander'
import type { Reading } from '../serving/index.ts'
import { proofFileText } from './zkml/proof-file.ts'
import { emit, fieldElement, wholeNumber, withTerminal } from './zkml/terminal.ts'

const JSON_FLAG = ['--json', 'print the result as JSON'] as const

type Told = { readonly tag: string; readonly headline: string }

export function registerStory(program: Command): void {
  const story = program.command('story').description('read headlines, and prove what was read in a signed story')

  story
    .command('train')
    .description('train the reader from nothing; the seed gives the same bits everywhere')
    .option('--seed <n>', 'data, first weights and order of samples', wholeNumber('--seed', 0, 0xffff_ffff), 1)
    .option('--out <file>', 'where the reader goes; standard output when absent')
    .option(...JSON_FLAG)
    .action(train)

  story
    .command('circuit <folder>')
    .description('compile the reader into a circuit; then: cohort zkml setup <folder> --local')
    .option('--reader <file>', 'a reader that `train` wrote; the one of this release when absent')
    .option(...JSON_FLAG)
    .action(circuit)

  story
    .command('read <folder>')
    .description('what the circuit of a folder would say, without a proof')
    .requiredOption('--headline <text>', 'at most 111 characters of printable ASCII')
    .option('--tag <hex>', 'eight bytes, from tagOf of the market', `0x${'00'.repeat(8)}`)
    .option(...JSON_FLAG)
    .action(read)

  story
    .command('prove <folder>')
    .description('prove what the circuit reads, for one market')
    .requiredOption('--headline <text>', 'at most 111 characters of printable ASCII')
    .requiredOption('--tag <hex>', 'eight bytes, from tagOf of the market')
    .requiredOption('--context <number>', 'from contextOf of the market', fieldElement('--context'))
    .option('--story <file>', 'also write the 119 bytes that the publisher signs')
    .option('--out <file>', 'where the proof goes; standard output when absent')
    .action(prove)
}

async function train(options: { readonly seed: number; readonly out?: string; readonly json?: boolean }) {
  const { savedReader, trainHeadlineReader } = await import('../learning/index.ts')
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
      `${options.out}\naccuracy ${percent(accuracy)} on ${count} headlines whose phrasing training never saw`,
    )
  })
}

async function circuit(folder: string, options: { readonly reader?: string; readonly json?: boolean }) {
  const { readFile } = await import('node:fs/promises')
  const { launchNewsReader } = await import('../learning/index.ts')
  const { STORY_CIRCUIT, storyProgram } = await import('../serving/index.ts')
  const { compileFolder } = await import('../zkml/index.ts')
  await withTerminal(options, async (terminal) => {
    const reader = options.reader === undefined ? undefined : await readFile(options.reader, 'utf8')
    const program = storyProgram(launchNewsReader(reader))
    terminal.progress('compiling the circuit; seconds to a minute')
    const { manifest } = await compileFolder({ folder, program, options: STORY_CIRCUIT, signal: terminal.signal })
    terminal.result(
      manifest,
      [
        folder,
        `constraints       ${manifest.constraints.toLocaleString('en-US')}`,
        `circuit id        ${manifest.circuitId}`,
        `model commitment  ${manifest.modelCommitment}`,
      ].join('\n'),
    )
  })
}

async function read(folder: string, options: Told & { readonly json?: boolean }) {
  const { encodeStory, readStory, storyDigest } = await import('../serving/index.ts')
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
  options: Told & { readonly context: bigint; readonly story?: string; readonly out?: string },
) {
  const { encodeStory, proveStory } = await import('../serving/index.ts')
  const { InferenceProver, writeAtomically } = await import('../zkml/index.ts')
  const story = encodeStory(options.tag, options.headline)
  await withTerminal({}, async ({ signal, progress }) => {
    progress('loading the circuit and its key')
    const prover = await InferenceProver.open(folder, { signal })
    try {
      progress('proving')
      const { reading, proof } = await proveStory(prover, story, options.context, { signal })
      const { circuitId } = prover.circuit.folder.manifest
      const { vkHash, setup } = prover.metadata
      if (options.story !== undefined) await writeAtomically(options.story, story)
      await emit(proofFileText(proof, { circuitId, vkHash, setup }), options.out)
      progress(await described(reading))
    } finally {
      await prover.close()
    }
  })
}

async function described({ label, margin }: Reading): Promise<string> {
  const { LAUNCH_OUTCOMES } = await import('../learning/index.ts')
  return `label   ${label} (${LAUNCH_OUTCOMES[label]})\nmargin  ${margin}`
}

/** JSON has no integers of that size. */
function plain({ label, margin, output }: Reading) {
  return { label, margin: String(margin), output: String(output) }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
