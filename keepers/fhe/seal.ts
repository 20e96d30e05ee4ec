// SPDX-License-Identifier: GPL-3.0-or-later
// node-seal behind one door, which makes each context once and frees every object.
import createSeal, { type MainModule } from 'node-seal'
import { FheError } from './errors.ts'
import type { ParameterSet } from './parameters.ts'
import { decodePlaintext } from './seal-format.ts'

/** Anything Embind made; garbage collection does not free it. */
type Deletable = { delete(): void; isDeleted(): boolean }
/** Registers an object for deletion and hands it back. */
export type Keep = <T extends Deletable>(object: T) => T

/** Runs `body`; whatever it kept is deleted afterwards, last first, whether it returned or threw. */
export function disposing<T>(body: (keep: Keep) => T): T {
  const kept: Deletable[] = []
  try {
    return body((object) => {
      kept.push(object)
      return object
    })
  } finally {
    release(kept)
  }
}

function release(kept: readonly Deletable[]): void {
  for (const object of kept.toReversed()) if (!object.isDeleted()) object.delete()
}

let module: Promise<MainModule> | undefined

/** The SEAL module of this thread. */
export async function sealModule(): Promise<MainModule> {
  module ??= createSeal() as Promise<MainModule>
  return module
}

/** A SEAL context with its encoder. Throws `FheError('invalid-parameters')` when SEAL refuses the set. */
export class SealContext implements Disposable {
  readonly seal: MainModule
  readonly context: InstanceType<MainModule['SEALContext']>
  readonly #set: ParameterSet
  readonly #encoder: InstanceType<MainModule['CKKSEncoder']>
  readonly #plaintext: InstanceType<MainModule['Plaintext']>
  readonly #kept: Deletable[]

  private constructor(
    seal: MainModule,
    set: ParameterSet,
    context: InstanceType<MainModule['SEALContext']>,
    encoder: InstanceType<MainModule['CKKSEncoder']>,
  ) {
    this.seal = seal
    this.context = context
    this.#set = set
    this.#encoder = encoder
    this.#plaintext = new seal.Plaintext()
    this.#kept = [context, encoder, this.#plaintext]
  }

  static async open(set: ParameterSet): Promise<SealContext> {
    const seal = await sealModule()
    const context = disposing((keep) => {
      const parameters = keep(new seal.EncryptionParameters(seal.SchemeType.ckks))
      parameters.setPolyModulusDegree(set.degree)
      const modulus = keep(new seal.VectorModulus())
      for (const prime of set.primes) modulus.push_back(keep(new seal.Modulus(prime)))
      parameters.setCoeffModulus(modulus)
      return new seal.SEALContext(parameters, true, seal.SecLevelType.tc128)
    })
    if (!context.parametersSet()) {
      context.delete()
      throw new FheError('invalid-parameters', `SEAL refuses the parameter set "${set.name}"`)
    }
    return new SealContext(seal, set, context, new seal.CKKSEncoder(context))
  }

  /** Encodes N/2 real slots with SEAL's CKKSEncoder and lends the residues (8·N·L bytes, NTT form), then wipes them. */
  encode(slots: Float64Array, scaleBits: number, use: (message: Uint8Array) => void): void {
    this.#encoder.encode(slots, 2 ** scaleBits, this.#plaintext)
    const bytes = this.#plaintext.saveToArray(this.seal.ComprModeType.none) as Uint8Array
    try {
      use(decodePlaintext(this.#set, scaleBits, bytes))
    } finally {
      bytes.fill(0)
    }
  }

  [Symbol.dispose](): void {
    release(this.#kept)
  }
}
