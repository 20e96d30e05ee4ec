// SPDX-License-Identifier: GPL-3.0-or-later
// node-seal behind one door: contexts are made once, every object is freed on a path that cannot be forgotten.
import createSeal, { type MainModule } from 'node-seal'
import { FheError } from './errors.ts'
import type { ParameterSet } from './parameters.ts'
import { decodeCiphertext } from './seal-format.ts'

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
    this.#kept = [context, encoder]
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

  /** An encryptor under SEAL PublicKey bytes. SEAL checks parms_id and residues on load. */
  encryptor(publicKey: Uint8Array, scaleBits: number): SealEncryptor {
    return new SealEncryptor(this.seal, this.context, this.#encoder, this.#set, publicKey, scaleBits)
  }

  [Symbol.dispose](): void {
    release(this.#kept)
  }
}

/** Encodes and encrypts slot vectors with SEAL's CKKSEncoder and Encryptor. */
export class SealEncryptor implements Disposable {
  readonly #encoder: InstanceType<MainModule['CKKSEncoder']>
  readonly #encryptor: InstanceType<MainModule['Encryptor']>
  readonly #plaintext: InstanceType<MainModule['Plaintext']>
  readonly #ciphertext: InstanceType<MainModule['Ciphertext']>
  readonly #none: MainModule['ComprModeType']['none']
  readonly #set: ParameterSet
  readonly #scaleBits: number

  constructor(
    seal: MainModule,
    context: InstanceType<MainModule['SEALContext']>,
    encoder: InstanceType<MainModule['CKKSEncoder']>,
    set: ParameterSet,
    publicKey: Uint8Array,
    scaleBits: number,
  ) {
    this.#encryptor = disposing((keep) => {
      const key = keep(new seal.PublicKey())
      key.loadFromArray(context, publicKey)
      return new seal.Encryptor(context, key)
    })
    this.#encoder = encoder
    this.#plaintext = new seal.Plaintext()
    this.#ciphertext = new seal.Ciphertext()
    this.#none = seal.ComprModeType.none
    this.#set = set
    this.#scaleBits = scaleBits
  }

  /** c0 · c1 (16·N·L bytes) of N/2 real slots. */
  encrypt(slots: Float64Array): Uint8Array {
    this.#encoder.encode(slots, 2 ** this.#scaleBits, this.#plaintext)
    this.#encryptor.encrypt(this.#plaintext, this.#ciphertext)
    const bytes = this.#ciphertext.saveToArray(this.#none) as Uint8Array
    return decodeCiphertext(this.#set, this.#scaleBits, bytes)
  }

  [Symbol.dispose](): void {
    release([this.#ciphertext, this.#plaintext, this.#encryptor])
  }
}
