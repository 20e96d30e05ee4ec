// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort ceremony`: makes a proving key with which no single party can forge proofs. How to run one: docs/ceremony.md.
import type { Command } from 'commander'
import type { CeremonyStep, Rounds, Transcript } from '../zkml/index.ts'
import { usage, wholeNumber, withTerminal } from './zkml/terminal.ts'

const UNPUBLISHED = ['--allow-unpublished-ptau', 'accept powers of tau that nobody published: tests only'] as const
const JSON_FLAG = ['--json', 'print the result as JSON'] as const

type Files = {
  readonly r1cs: string
  readonly ptau: string
  readonly allowUnpublishedPtau?: boolean
  readonly json?: boolean
}

type NewOptions = Files & { readonly challenges?: number; readonly firstRound?: number }

export function registerCeremony(program: Command): void {
  const ceremony = program
    .command('ceremony')
    .description('make a proving key together: safe if one contributor was honest')
    .addHelpText(
      'after',
      `
The folder goes from hand to hand, and each contributor announces the hash of their contribution:
  cohort ceremony new ceremony/ --r1cs circuit.r1cs --ptau powersOfTau28_hez_final_15.ptau
  cohort ceremony contribute ceremony/ --name Ada
  cohort ceremony beacon ceremony/ --value <hex> --source "block 24000000"
  cohort ceremony verify ceremony/ --r1cs circuit.r1cs --ptau powersOfTau28_hez_final_15.ptau
  cohort ceremony finalize ceremony/ --r1cs circuit.r1cs --ptau … --out circuit.zkey`,
    )
  const withFiles = (command: Command) =>
    command
      .requiredOption('--r1cs <file>', "the circuit's constraints")
      .requiredOption('--ptau <file>', 'the published powers of tau')
      .option(...UNPUBLISHED)
      .option(...JSON_FLAG)
  withFiles(ceremony.command('new <folder>'))
    .description('compute the initial key in a new folder')
    .option(
      '--challenges <n>',
      'for two-round keys without circuit.json: number of challenges',
      wholeNumber('--challenges', 1, 2),
    )
    .option(
      '--first-round <wires>',
      'for two-round keys without circuit.json: number of wires in the first commitment',
      wholeNumber('--first-round', 1, 2 ** 28),
    )
    .action((folder: string, options: NewOptions) =>
      withTerminal(options, async ({ signal, progress, result }) => {
        const { startCeremony } = await import('../zkml/index.ts')
        const rounds = await roundsOf(options)
        const input = { ...options, folder, ...(rounds === undefined ? {} : { rounds }) }
        const transcript = await startCeremony(input, { signal, onProgress: progress })
        const warning = transcript.powersOfTau.published ? '' : '\nUNPUBLISHED powers of tau: for tests only.'
        const system = describeSystem(transcript)
        result(transcript, `${folder}\nsystem        ${system}\ncircuit hash  ${transcript.circuitHash}${warning}`)
      }),
    )
  ceremony
    .command('contribute <folder>')
    .description('add a secret that only you knew, and forget it')
    .requiredOption('--name <name>', 'who contributes; public')
    .option('--entropy <text>', "mixed with the system's randomness")
    .option(...JSON_FLAG)
    .action((folder: string, options: { name: string; entropy?: string; json?: boolean }) =>
      withTerminal(options, async ({ signal, progress, result }) => {
        const { contribute } = await import('../zkml/index.ts')
        const step = await contribute({ ...options, folder }, { signal, onProgress: progress })
        result(step, describeStep(step))
      }),
    )
  ceremony
    .command('beacon <folder>')
    .description('add public randomness from after the last contribution')
    .requiredOption('--value <hex>', 'the randomness')
    .option('--iterations-exponent <n>', 'hash it 2^n times', wholeNumber('--iterations-exponent', 10, 63), 10)
    .requiredOption('--source <text>', 'where anybody can look it up')
    .option(...JSON_FLAG)
    .action((folder: string, options: { value: string; iterationsExponent: number; source: string; json?: boolean }) =>
      withTerminal(options, async ({ signal, progress, result }) => {
        const { applyBeacon } = await import('../zkml/index.ts')
        const step = await applyBeacon({ ...options, folder }, { signal, onProgress: progress })
        result(step, describeStep(step))
      }),
    )
  withFiles(ceremony.command('verify <folder>'))
    .description('check the whole ceremony from its public files')
    .action((folder: string, options: Files) =>
      withTerminal(options, async ({ signal, progress, result }) => {
        const { verifyCeremony } = await import('../zkml/index.ts')
        // Only finalize knows the final key, so it is left out here.
        const { final: _, ...transcript } = await verifyCeremony(
          { ...options, folder },
          { signal, onProgress: progress },
        )
        result(
          transcript,
          [`the ceremony holds: ${describeSystem(transcript)}`, ...transcript.steps.map(describeStep)].join('\n'),
        )
      }),
    )
  withFiles(ceremony.command('finalize <folder>'))
    .description('verify, and write the proving key')
    .requiredOption('--out <file>', 'file for the key; its metadata goes to the same folder')
    .action((folder: string, options: Files & { out: string }) =>
      withTerminal(options, async ({ signal, progress, result }) => {
        const { finalizeCeremony } = await import('../zkml/index.ts')
        const files = { ...options, folder, zkeyPath: options.out }
        const metadata = await finalizeCeremony(files, { signal, onProgress: progress })
        result(metadata, `${options.out}\nverification key  ${metadata.vkHash}`)
      }),
    )
}

/** The division of the wires, from the circuit.json that `cohort zkml compile` wrote beside the r1cs, or from the options; undefined for plain Groth16. */
async function roundsOf({ r1cs, challenges, firstRound }: NewOptions): Promise<Rounds | undefined> {
  if ((challenges === undefined) !== (firstRound === undefined)) {
    throw usage('--challenges and --first-round belong together: both for a key in two rounds, or neither')
  }
  const { shapeBeside } = await import('../zkml/index.ts')
  const beside = await shapeBeside(r1cs)
  if (challenges === undefined || firstRound === undefined) {
    return beside === undefined ? undefined : { challenges: beside.challenges, firstRound: beside.firstRound }
  }
  if (beside !== undefined && (beside.challenges !== challenges || beside.firstRound !== firstRound)) {
    throw usage(
      `--challenges ${challenges} --first-round ${firstRound}, but circuit.json beside ${r1cs} says ${beside.challenges} and ` +
        `${beside.firstRound}; leave the options out`,
    )
  }
  return { challenges, firstRound }
}

function describeSystem(transcript: Transcript): string {
  if (transcript.version === 1) return 'groth16'
  const { challenges, firstRound } = transcript.circuit
  return `${transcript.system}, ${challenges} challenge${challenges === 1 ? '' : 's'} after ${firstRound} wires`
}

function describeStep({ name, contributionHash, beacon }: CeremonyStep): string {
  const line = `${name.padEnd(20)} ${contributionHash}`
  return beacon === undefined
    ? line
    : `${line}\n  beacon ${beacon.value}, hashed 2^${beacon.iterationsExponent} times; from: ${beacon.source}`
}
