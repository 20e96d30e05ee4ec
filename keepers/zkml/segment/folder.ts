// SPDX-License-Identifier: GPL-3.0-or-later
// Segments on disk: `segment-1/` … `segment-K/`, each a folder like any provable model's, and `segments.json`.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { CircuitOptions, Simplification } from '../circuit/index.ts'
import type { IntegerProgram } from '../graph/program.ts'
import { InferenceError } from '../inference/errors.ts'
import { type CircuitFolder, compileFolder, openFolder } from '../inference/folder.ts'
import type { ProofSystem } from '../inference/systems.ts'
import { parseJson } from '../json.ts'
import { encodeInput } from '../quantise/quantise.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { type SegmentedSample, type SegmentSample, traceSegments } from './chain.ts'
import { type ProgramSegment, splitProgram } from './split.ts'

const hex32 = z.string().regex(/^0x[0-9a-f]{64}$/)

const manifestSchema = z.strictObject({
  format: z.literal('cohort-zkml-segments'),
  version: z.literal(1),
  name: z.string(),
  mode: z.enum(['released', 'committed']),
  segments: z
    .array(
      z.strictObject({
        /** Beside the manifest. */
        folder: z.string().regex(/^segment-[1-9]\d?$/),
        circuitId: hex32,
        /** First public signal of the segment's proofs, decimal. */
        modelCommitment: z.string().regex(/^(0|[1-9]\d{0,77})$/),
        constraints: z.int().positive(),
        layers: z.array(z.string()).min(1),
      }),
    )
    .min(1),
  createdAt: z.iso.datetime(),
})

export type SegmentsManifest = z.infer<typeof manifestSchema>

export type SegmentFolders = {
  readonly folder: string
  readonly manifest: SegmentsManifest
  /** In order; each is to be set up, proven and verified like any other. */
  readonly circuits: readonly CircuitFolder[]
}

/** @param folder of the segments, as given to splitFolder */
export function segmentsManifestPath(folder: string): string {
  return join(folder, 'segments.json')
}

export type SplitFolderOptions = {
  readonly folder: string
  readonly program: IntegerProgram
  readonly count: number
  readonly options?: CircuitOptions
  readonly simplification?: Simplification
  /** Of each segment by itself: their commitments are the same in both. Default `groth16`. */
  readonly systemOf?: (segment: ProgramSegment) => ProofSystem
  readonly signal?: AbortSignal
  readonly onSegment?: (segment: ProgramSegment) => void
}

/**
 * Splits a program and compiles every segment into a folder of its own. The manifest is written last. In committed mode each
 * segment has a salt of its own, so that a prover who is told one learns nothing of the others.
 * @throws CompileError when the program cannot be split so.
 */
export async function splitFolder(input: SplitFolderOptions): Promise<SegmentFolders> {
  const { folder, program, count, options = {}, simplification = 'O1', systemOf, signal, onSegment } = input
  const circuits: CircuitFolder[] = []
  const segments: SegmentsManifest['segments'] = []
  for (const segment of splitProgram(program, count, options)) {
    onSegment?.(segment)
    const name = `segment-${segment.index + 1}`
    const circuit = await compileFolder({
      folder: join(folder, name),
      program: segment.program,
      options: segment.options,
      system: systemOf?.(segment) ?? 'groth16',
      simplification,
      ...(signal ? { signal } : {}),
    })
    circuits.push(circuit)
    const { circuitId, modelCommitment, constraints } = circuit.manifest
    const layers = segment.program.layers.map((layer) => layer.name)
    segments.push({ folder: name, circuitId, modelCommitment, constraints, layers })
  }
  const manifest: SegmentsManifest = {
    format: 'cohort-zkml-segments',
    version: 1,
    name: program.name,
    mode: program.mode,
    segments,
    createdAt: new Date().toISOString(),
  }
  await writeAtomically(segmentsManifestPath(folder), `${JSON.stringify(manifest, null, 2)}\n`)
  return { folder, manifest, circuits }
}

/** Opens what splitFolder wrote. @throws InferenceError `folder-incomplete` or `folder-mismatch` naming the file. */
export async function openSegments(folder: string): Promise<SegmentFolders> {
  const manifest = await readSegmentsManifest(folder)
  const circuits: CircuitFolder[] = []
  for (const { folder: name, circuitId, modelCommitment } of manifest.segments) {
    const circuit = await openFolder(join(folder, name))
    if (circuit.manifest.circuitId !== circuitId || circuit.manifest.modelCommitment !== modelCommitment) {
      throw new InferenceError(
        'folder-mismatch',
        `${join(folder, name)} is not the segment that ${segmentsManifestPath(folder)} names; split again`,
      )
    }
    circuits.push(circuit)
  }
  return { folder, manifest, circuits }
}

/** The manifest alone, for those who verify and hold no circuits. @throws InferenceError as openSegments. */
export async function readSegmentsManifest(folder: string): Promise<SegmentsManifest> {
  const path = segmentsManifestPath(folder)
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `${error.message}; run cohort zkml split first`, { cause: error })
  })
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new InferenceError('folder-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) throw new InferenceError('folder-mismatch', `${path}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/**
 * The statement of each segment for one input. `InferenceProver.open(circuits[i]).prove({ input, integers: true, context, salts })`
 * with that sample's fields makes the proof, anywhere.
 * @param request real values of the whole program's input, or its integers when `integers` is set
 */
export function traceFolders(
  { circuits }: Pick<SegmentFolders, 'circuits'>,
  request: Omit<SegmentedSample, 'salts'> & {
    readonly integers?: boolean
    /** Moves real values outside the calibrated range to its edge instead of refusing them. */
    readonly clamp?: boolean
    readonly salts?: Omit<NonNullable<SegmentedSample['salts']>, 'models'>
  },
): readonly SegmentSample[] {
  const segments = circuits.map(({ program, options, manifest }, index) => ({
    index,
    program,
    options,
    constraints: manifest.constraints,
  }))
  const models = circuits.flatMap(({ modelSalt }) => (modelSalt === null ? [] : [modelSalt]))
  const { integers = false, clamp = false } = request
  const input = integers ? request.input : encodeInput(circuits[0]!.program, request.input, { clamp })
  const salts = { ...request.salts, ...(models.length === 0 ? {} : { models }) }
  const signed = request.signed === undefined ? {} : { signed: request.signed }
  return traceSegments(segments, { input, context: request.context, salts, ...signed })
}
