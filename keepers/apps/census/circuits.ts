// SPDX-License-Identifier: GPL-3.0-or-later
// The three circuits of a table: marginals of a chunk, outcomes of a model on a chunk, and a slice of counts with noise. Each has the four
// public signals that contracts/privacy/PrivateTables.sol gives to its verifier.
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CircuitInputs,
  circuitKey,
  compileCircuit,
  type ProofWithSignals,
  type Prover,
  parseZkey,
  readKeyMetadata,
  setupLocal,
  type VerificationKey,
  verificationKeyOf,
  WitnessProgram,
  wasmBackend,
  writeAtomically,
} from '../../zkml/index.ts'
import { CensusError } from './errors.ts'
import { WEIGHT_BITS } from './model.ts'
import { digitLimits } from './noise.ts'
import {
  headersOf,
  marginalCells,
  marksOf,
  pairsOf,
  SEED_HEADER,
  slicesOf,
  type TableShape,
  widthsOf,
} from './schema.ts'

export const CENSUS_CIRCUITS = ['marginals', 'outcomes', 'noise'] as const
export type CensusCircuit = (typeof CENSUS_CIRCUITS)[number]

const list = (values: readonly (number | bigint)[]) => `[${values.join(', ')}]`

const chunkHead = (shape: TableShape) => {
  const { chunkRows: rows, columns } = shape
  const [marks, slices] = [marksOf(shape), slicesOf(shape)]
  return {
    ...{ rows, marks, slices, columns: columns.length, widths: list(widthsOf(shape)) },
    inputs: `    signal input chunk;
    signal input before;
    signal input after;
    signal input model;
    signal input salt;
    signal input present[${rows}];
    signal input mark[${rows}][${marks}];
    signal input blindingBefore;
    signal input blindingAfter;
    signal input element[${slices}];
    component table = TableRows(${headersOf(shape).rows}, ${rows}, ${columns.length}, ${list(widthsOf(shape))}, ${marks});
    table.salt <== salt;
    table.present <== present;
    table.mark <== mark;
    chunk === table.commitment;`,
    running: (cells: number) => `    component running = RunningCounts(${headersOf(shape).counts}, ${slices}, ${cells});
    running.blindingBefore <== blindingBefore;
    running.blindingAfter <== blindingAfter;
    running.element <== element;
    running.cell <== counts.cell;
    before === running.before;
    after === running.after;`,
  }
}

function marginalsSource(shape: TableShape): string {
  const { rows, columns, widths, marks, inputs, running } = chunkHead(shape)
  const pairs = pairsOf(shape)
  const cells = marginalCells(shape)
  return `pragma circom 2.2.0;
include "table_rows.circom";
include "pair_counts.circom";
include "running_counts.circom";
template Marginals() {
${inputs}
    component counts = PairCounts(${rows}, ${columns}, ${widths}, ${marks}, ${pairs.length}, ${list(pairs.map(([a]) => a))}, ${list(pairs.map(([, b]) => b))}, ${cells});
    counts.mark <== mark;
    model === 0;
${running(cells)}
}
component main {public [chunk, before, after, model]} = Marginals();
`
}

function outcomesSource(shape: TableShape): string {
  const { rows, columns, widths, marks, inputs, running } = chunkHead(shape)
  return `pragma circom 2.2.0;
include "table_rows.circom";
include "additive_outcomes.circom";
include "running_counts.circom";
template Outcomes() {
${inputs}
    signal input weight[${marks - 1}];
    component counts = AdditiveOutcomes(${headersOf(shape).model}, ${rows}, ${columns}, ${widths}, ${marks}, ${shape.target}, ${WEIGHT_BITS});
    counts.present <== present;
    counts.mark <== mark;
    counts.weight <== weight;
    model === counts.model;
${running(4)}
}
component main {public [chunk, before, after, model]} = Outcomes();
`
}

function noiseSource(shape: TableShape): string {
  const limits = digitLimits()
  const slices = slicesOf(shape)
  return `pragma circom 2.2.0;
include "noisy_counts.circom";
template Noise() {
    signal input state;
    signal input seedCommitment;
    signal input released;
    signal input context;
    signal input seed;
    signal input blinding;
    signal input element[${slices}];
    signal input count[15];
    signal input slice;
    component noisy = NoisyCounts(${headersOf(shape).counts}, ${SEED_HEADER}, ${slices}, ${limits.length}, ${list(limits)});
    noisy.seed <== seed;
    noisy.blinding <== blinding;
    noisy.element <== element;
    noisy.count <== count;
    noisy.slice <== slice;
    noisy.context <== context;
    state === noisy.state;
    seedCommitment === noisy.seedCommitment;
    released === noisy.released;
}
component main {public [state, seedCommitment, released, context]} = Noise();
`
}

const SOURCES = { marginals: marginalsSource, outcomes: outcomesSource, noise: noiseSource }

export function circuitSource(shape: TableShape, name: CensusCircuit): string {
  return SOURCES[name](shape)
}

const pathsIn = (folder: string, name: CensusCircuit) => {
  const base = join(folder, name)
  return { r1cs: `${base}.r1cs`, wasm: `${base}.wasm`, zkey: `${base}.zkey`, key: `${base}.key.txt` }
}

/** The id of a circuit on the chain, 32 bytes in hexadecimal. Anybody who has this release can recompute it. */
export async function circuitIdOf(shape: TableShape, name: CensusCircuit): Promise<string> {
  const key = await circuitKey(circuitSource(shape, name))
  return `0x${createHash('sha256').update(`cohort/census-circuit/1/${name}/${key}`).digest('hex')}`
}

type SetupOptions = {
  readonly signal?: AbortSignal
  readonly onProgress?: (circuit: CensusCircuit, stage: 'compiling' | 'set-up') => void
}

/**
 * Compiles the circuits that `folder` lacks and sets up their keys locally, so its caller could forge proofs. A repeated call goes on where the
 * last one stopped.
 */
export async function setupCensus(
  folder: string,
  shape: TableShape,
  { signal, onProgress }: SetupOptions = {},
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of CENSUS_CIRCUITS) {
    const paths = pathsIn(folder, name)
    const id = await circuitIdOf(shape, name)
    if ((await readFile(paths.key, 'utf8').catch(() => '')) === id) continue
    onProgress?.(name, 'compiling')
    const abort = signal === undefined ? {} : { signal }
    await compileCircuit(circuitSource(shape, name), { directory: folder, name, ...abort })
    onProgress?.(name, 'set-up')
    await setupLocal(paths.r1cs, paths.zkey, abort)
    await writeAtomically(paths.key, id)
  }
}

/** The files of a circuit in a folder. */
export type CensusKey = {
  readonly circuitId: string
  readonly key: VerificationKey
  readonly constraints: number
  readonly zkeyBytes: number
}

/** @throws CensusError bad-data for a folder that was not set up with this release's circuits */
export async function readCensusKey(folder: string, shape: TableShape, name: CensusCircuit): Promise<CensusKey> {
  const paths = pathsIn(folder, name)
  const circuitId = await circuitIdOf(shape, name)
  const found = await readFile(paths.key, 'utf8').catch(() => null)
  if (found !== circuitId)
    throw new CensusError(
      'bad-data',
      `${folder} has ${found === null ? 'no key' : 'another release’s key'} for the circuit '${name}': run cohort census setup ${folder}`,
    )
  const { circuit } = await readKeyMetadata(paths.zkey)
  const key = await verificationKeyOf(parseZkey(await readFile(paths.zkey), paths.zkey))
  return { circuitId, key, constraints: circuit.constraints, zkeyBytes: (await stat(paths.zkey)).size }
}

/** A server's stock of circuits. */
export type CircuitStock = {
  /** @throws CensusError bad-data when there is none */
  key(name: CensusCircuit): Promise<VerificationKey>
  open(name: CensusCircuit): Promise<Pick<CensusProver, 'prove' | 'close'>>
}

/** The circuits of a folder that `setupCensus` made. */
export function circuitsIn(folder: string, shape: TableShape): CircuitStock {
  return {
    key: async (name) => (await readCensusKey(folder, shape, name)).key,
    open: (name) => CensusProver.open(folder, shape, name),
  }
}

/** A circuit that is ready to prove. Close it. */
export class CensusProver {
  readonly #program: WitnessProgram
  readonly #prover: Prover

  private constructor(program: WitnessProgram, prover: Prover) {
    this.#program = program
    this.#prover = prover
  }

  static async open(folder: string, shape: TableShape, name: CensusCircuit): Promise<CensusProver> {
    await readCensusKey(folder, shape, name)
    const paths = pathsIn(folder, name)
    return new CensusProver(await WitnessProgram.load(await readFile(paths.wasm)), await wasmBackend().open(paths.zkey))
  }

  /** @throws CircuitError witness-refused when the inputs do not satisfy the circuit */
  async prove(inputs: CircuitInputs, signal?: AbortSignal): Promise<ProofWithSignals> {
    return await this.#prover.prove(this.#program.calculate(inputs), signal === undefined ? {} : { signal })
  }

  async close(): Promise<void> {
    await this.#prover.close()
  }
}
