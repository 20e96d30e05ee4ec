// SPDX-License-Identifier: GPL-3.0-or-later
// node-seal behind one door, which makes each context once and frees every object.
import createSeal, { type MainModule } from 'node-seal'
import { FheError } from './errors.ts'
import type { ParameterSet } from './parameters.ts'

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

/** The SEAL module of this thread. A failure, such as one for lack of memory, is tried again by the next call. */
export async function sealModule(): Promise<MainModule> {
  module ??= createSeal() as Promise<MainModule>
  const loading = module
  try {
    return await loading
  } catch (error) {
    if (module === loading) module = undefined
    throw error
  }
}

/** A SEAL context. Throws `FheError('invalid-parameters')` when SEAL refuses the set. */
export class SealContext implements Disposable {
  readonly seal: MainModule
  readonly context: InstanceType<MainModule['SEALContext']>

  private constructor(seal: MainModule, context: InstanceType<MainModule['SEALContext']>) {
    this.seal = seal
    this.context = context
  }

  /**
   * @param levels whether SEAL prepares the smaller sets, too, that a ciphertext of this one may come down to. It judges the set itself
   *   either way, and a set that is smaller by a prime has nothing that could be refused.
   */
  static async open(set: ParameterSet, levels = true): Promise<SealContext> {
    const seal = await sealModule()
    const context = disposing((keep) => {
      const parameters = keep(new seal.EncryptionParameters(seal.SchemeType.ckks))
      parameters.setPolyModulusDegree(set.degree)
      const modulus = keep(new seal.VectorModulus())
      for (const prime of set.primes) modulus.push_back(keep(new seal.Modulus(prime)))
      parameters.setCoeffModulus(modulus)
      return new seal.SEALContext(parameters, levels, seal.SecLevelType.tc128)
    })
    if (!context.parametersSet()) {
      context.delete()
      throw new FheError('invalid-parameters', `SEAL refuses the parameter set "${set.name}"`)
    }
    return new SealContext(seal, context)
  }

  [Symbol.dispose](): void {
    this.context.delete()
  }
}

const found = new Map<string, Promise<void>>()

/**
 * Has SEAL judge a set once a process: that its primes carry transforms, and that it has 128 bits by the standard's table.
 * Throws `FheError('invalid-parameters')` when it does not. Only a yes is remembered: SEAL may have failed for lack of memory.
 */
export async function insistOnSeal(set: ParameterSet): Promise<void> {
  const key = `${set.degree} ${set.primes}`
  const judgement =
    found.get(key) ??
    SealContext.open(set, false).then((context) => {
      context[Symbol.dispose]()
    })
  found.set(key, judgement)
  try {
    await judgement
  } catch (error) {
    if (found.get(key) === judgement) found.delete(key)
    throw error
  }
}
