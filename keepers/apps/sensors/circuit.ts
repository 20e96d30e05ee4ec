// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the circuit of attested samples in a folder, sets it up, and proves with it.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import {
  type CircuitInputs,
  compileCircuit,
  type KeyMetadata,
  type Prover,
  parseVerificationKey,
  parseZkey,
  readKeyMetadata,
  type SolidityProof,
  setupLocal,
  toSolidityProof,
  type VerificationKey,
  verificationKeyOf,
  verificationKeyToJson,
  verifyProof,
  WitnessProgram,
  wasmBackend,
  writeAtomically,
} from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import { SensorError } from './errors.ts'
import {
  commitSamples,
  type DeviceTree,
  MAX_DEPTH,
  packSummary,
  requireSigned,
  SAMPLE_TAG,
  type SignedSample,
  type Summary,
  samplesHeader,
  summaryOf,
} from './samples.ts'

const NAME = 'attested'

const manifestSchema = z.strictObject({
  format: z.literal('cohort-attested-samples'),
  version: z.literal(1),
  /** Samples of a proof. */
  samples: z.int().min(2).max(1024),
  /** Levels of the tree of devices. */
  depth: z.int().min(2).max(MAX_DEPTH),
  circuitId: z.string().regex(/^0x[0-9a-f]{64}$/),
})

export type SensorCircuit = z.infer<typeof manifestSchema>

const paths = (folder: string) => ({
  manifest: join(folder, 'sensors.json'),
  wasm: join(folder, `${NAME}.wasm`),
  r1cs: join(folder, `${NAME}.r1cs`),
  zkey: join(folder, `${NAME}.zkey`),
  verificationKey: join(folder, 'verification_key.json'),
})

/** The circom program of a circuit of that shape. */
export function sensorSource({ samples, depth }: Pick<SensorCircuit, 'samples' | 'depth'>): string {
  return [
    'pragma circom 2.2.0;',
    'include "attested_samples.circom";',
    `component main {public [context]} = AttestedSamples(${samples}, ${depth}, ${samplesHeader(samples)}, ${SAMPLE_TAG});`,
    '',
  ].join('\n')
}

/**
 * Compiles the circuit into a folder with a local set-up. Whoever runs this could forge proofs, so the key is for development only.
 * @param onStage names what begins
 * @throws CircuitError, SetupError; the signal's reason
 */
export async function makeSensorCircuit(
  folder: string,
  shape: Pick<SensorCircuit, 'samples' | 'depth'>,
  { signal, onStage = () => undefined }: { signal?: AbortSignal; onStage?: (stage: string) => void } = {},
): Promise<SensorCircuit & { readonly constraints: number }> {
  const at = paths(folder)
  await mkdir(folder, { recursive: true })
  onStage('compiling')
  const options = { directory: folder, name: NAME, ...(signal === undefined ? {} : { signal }) }
  await compileCircuit(sensorSource(shape), options)
  onStage('setting up')
  const metadata = await setupLocal(at.r1cs, at.zkey, signal === undefined ? {} : { signal })
  const key = await verificationKeyOf(parseZkey(await readFile(at.zkey), at.zkey))
  await writeAtomically(at.verificationKey, `${JSON.stringify(verificationKeyToJson(key), null, 2)}\n`)
  // Named by its constraints, which everybody who compiles the same source gets.
  const description = `cohort-attested-samples/1 ${shape.samples} ${shape.depth} ${metadata.circuit.r1csSha256}`
  const circuitId = `0x${bytesToHex(keccak_256(utf8ToBytes(description)))}`
  const manifest: SensorCircuit = { format: 'cohort-attested-samples', version: 1, ...shape, circuitId }
  await writeAtomically(at.manifest, `${JSON.stringify(manifest, null, 2)}\n`)
  return { ...manifest, constraints: metadata.circuit.constraints }
}

/** @throws SensorError bad-circuit for a folder without a whole circuit */
export async function readSensorCircuit(
  folder: string,
): Promise<{ readonly circuit: SensorCircuit; readonly key: VerificationKey; readonly metadata: KeyMetadata }> {
  const at = paths(folder)
  try {
    const circuit = manifestSchema.parse(parseJson(await readFile(at.manifest, 'utf8')))
    const key = parseVerificationKey(parseJson(await readFile(at.verificationKey, 'utf8')))
    return { circuit, key, metadata: await readKeyMetadata(at.zkey) }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SensorError(
      'bad-circuit',
      `${folder} has no circuit of attested samples (\`cohort data circuit\`): ${why}`,
      {
        cause,
      },
    )
  }
}

export type Attestation = { readonly commitment: bigint; readonly summary: Summary; readonly proof: SolidityProof }

/** The circuit's inputs for a device's samples. @throws SensorError for samples that are not the device's, or for a wrong number of them */
export function sensorInputs(
  { samples: count, depth }: Pick<SensorCircuit, 'samples' | 'depth'>,
  given: {
    readonly tree: DeviceTree
    readonly device: number
    readonly samples: readonly SignedSample[]
    readonly salt: bigint
    readonly context: bigint
  },
): CircuitInputs {
  const { tree, device, samples, salt, context } = given
  const sibling = tree.path(device)
  const [keyX, keyY] = tree.keys[device]!
  if (sibling.length !== depth)
    throw new SensorError('bad-circuit', `the devices’ tree has depth ${sibling.length}, the circuit ${depth}`)
  if (samples.length !== count)
    throw new SensorError('bad-sample', `${samples.length} samples, the circuit takes ${count} at once`)
  requireSigned([keyX, keyY], samples)
  return {
    ...{ keyX, keyY, device: BigInt(device), sibling, salt, context },
    counter: samples.map(({ counter }) => BigInt(counter)),
    value: samples.map(({ value }) => BigInt(value)),
    Rx: samples.map(({ signature }) => signature.R[0]),
    Ry: samples.map(({ signature }) => signature.R[1]),
    S: samples.map(({ signature }) => signature.S),
  }
}

/** Proves the summary of a device's samples, and checks the proof. */
export async function proveSamples(
  folder: string,
  given: Parameters<typeof sensorInputs>[1],
  { signal }: { signal?: AbortSignal } = {},
): Promise<Attestation> {
  const { circuit, key } = await readSensorCircuit(folder)
  const at = paths(folder)
  const inputs = sensorInputs(circuit, given)
  const program = await WitnessProgram.load(await readFile(at.wasm))
  const options = signal === undefined ? {} : { signal }
  const prover: Prover = await wasmBackend().open(at.zkey, options)
  try {
    const { proof, publicSignals } = await prover.prove(program.calculate(inputs), options)
    const summary = summaryOf(given.device, given.samples)
    const commitment = commitSamples(given.samples, given.salt)
    const expected = [given.tree.root, commitment, packSummary(summary), given.context]
    const same = expected.every((value, i) => value === publicSignals[i])
    if (!same || !(await verifyProof(key, proof, publicSignals)))
      throw new SensorError('bad-circuit', `${folder}: its key and its circuit do not belong together; make it again`)
    return { commitment, summary, proof: toSolidityProof(proof) }
  } finally {
    await prover.close()
  }
}
