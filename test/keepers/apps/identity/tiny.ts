// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit of identities around a network of four pixels, with lists of eight leaves: everything of it is real but the size.
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { countrySet } from '../../../../keepers/apps/identity/countries.ts'
import {
  type Capture,
  type Credential,
  type CredentialFields,
  documentKey,
  holderOf,
  issueCredential,
  signCapture,
} from '../../../../keepers/apps/identity/credential.ts'
import { IntervalList } from '../../../../keepers/apps/identity/interval-list.ts'
import { enrol } from '../../../../keepers/apps/identity/network.ts'
import {
  commitPicture,
  IDENTITY_SIGNALS,
  identitySource,
  LIST_SIGNALS,
  listSource,
} from '../../../../keepers/apps/identity/source.ts'
import type { GateQuestion, IdentityInputs } from '../../../../keepers/apps/identity/statement.ts'
import { modelJson, parseModelSpec } from '../../../../keepers/learning/index.ts'
import {
  calibrate,
  circuitKey,
  compileSource,
  eddsaPublicKey,
  type IntegerProgram,
  importTfjs,
  SourceProver,
  setupSource,
} from '../../../../keepers/zkml/index.ts'
import { CACHE } from '../../../../scripts/bootstrap/paths.mjs'

export const DEPTH = 3
export const NEARNESS = { numerator: 3, denominator: 4 } as const

const filled = (byte: number) => new Uint8Array(32).fill(byte)
export const SEEDS = { issuer: filled(1), camera: filled(2), forger: filled(3) } as const
export const SECRET = 0x1234567890abcdef1234567890abcdef1234567890abcdefn
/** Two pictures of one person, and one of a stranger. */
export const PICTURES = { enrolled: [60, 5, 30, 2], now: [55, 9, 28, 4], stranger: [3, 60, 2, 50] } as const

/** Four pixels to three numbers. */
export async function tinyProgram(): Promise<IntegerProgram> {
  const config = { name: 'tiny', units: 3, activation: 'linear', use_bias: true, trainable: true }
  const layers = [{ class_name: 'Dense', config: { ...config, batch_input_shape: [null, 4] } }]
  const spec = await parseModelSpec({
    modelTopology: { class_name: 'Sequential', config: { name: 'tiny-faces', layers } },
  })
  const weights = Float32Array.from([1, 0.1, 0.2, -0.1, 1, 0.3, 0.4, -0.5, 1, -0.2, 0.8, -0.6, 0, 0.05, 0.1])
  const graph = importTfjs(JSON.stringify(modelJson({ spec, weights })), () => new Uint8Array(weights.buffer))
  const samples = Object.values(PICTURES).map((pixels) => pixels.map((pixel) => pixel / 63))
  const knobs = { weightBits: { default: 6 }, activationBits: { default: 7 }, inputBits: 6 }
  return calibrate(graph, samples, { mode: 'released', inputRange: { min: 0, max: 1 }, knobs }).program
}

export const tinySource = (program: IntegerProgram): string =>
  identitySource(program, { depth: DEPTH, nearness: NEARNESS })

export const NAMES = IDENTITY_SIGNALS.flatMap((name) =>
  name === 'countries' ? [0, 1, 2, 3].map((i) => `${name}[${i}]`) : name,
)

/** A prover of the tiny circuit, its key made once and kept in .cache; close it. */
export async function tinyProver(program: IntegerProgram): Promise<SourceProver> {
  return await cached('tiny-identity', tinySource(program), NAMES)
}

export async function tinyListProver(): Promise<SourceProver> {
  return await cached('tiny-list', listSource(DEPTH), LIST_SIGNALS)
}

async function cached(name: string, source: string, signals: readonly string[]): Promise<SourceProver> {
  const folder = join(CACHE, 'source-circuits', `${name}-${(await circuitKey(source)).slice(0, 32)}`)
  if (!existsSync(folder)) {
    const aside = `${folder}.${process.pid}`
    await compileSource({ folder: aside, name, source, signals })
    await setupSource(aside)
    await rename(aside, folder).catch(() => rm(aside, { recursive: true }))
  }
  return await SourceProver.open(folder)
}

export type Person = Omit<IdentityInputs, 'program'>

/** Somebody who may pass, but for what `changes` says. */
export function person(
  program: IntegerProgram,
  question: GateQuestion,
  changes: {
    readonly secret?: bigint
    readonly fields?: Partial<CredentialFields>
    readonly issuer?: Uint8Array
    readonly camera?: Uint8Array
    readonly picture?: readonly number[]
    readonly context?: bigint
    readonly sanctions?: IntervalList
    readonly revocations?: IntervalList
  } = {},
): Person & { readonly credential: Credential; readonly capture: Capture } {
  const { secret = SECRET, issuer = SEEDS.issuer, camera = SEEDS.camera, picture = PICTURES.now } = changes
  const credential = issueCredential(issuer, {
    holder: holderOf(secret),
    document: documentKey(276, 'C01X00T47'),
    born: 1990_12_31,
    country: 276,
    expires: 2099_12_31,
    face: enrol(program, [PICTURES.enrolled]),
    camera: eddsaPublicKey(SEEDS.camera),
    ...changes.fields,
  })
  const commit = (pixels: ArrayLike<number>, salt: bigint) => commitPicture(program, pixels, salt)
  const capture = signCapture(camera, picture, changes.context ?? question.context, commit)
  const { sanctions = new IntervalList(DEPTH), revocations = new IntervalList(DEPTH) } = changes
  return { secret, credential, capture, question, sanctions, revocations }
}

export const QUESTION: GateQuestion = {
  application: 111n,
  context: 222n,
  bornBy: 2008_11_30,
  through: 2026_12_30,
  countries: countrySet([408, 364], true),
}
