// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of ffjavascript and snarkjs that we call, typed by hand: neither package ships declarations.

declare module 'ffjavascript' {
  type Point = Uint8Array
  type FieldElement = Uint8Array

  interface ScalarField {
    readonly s: number
    readonly n8: number
    readonly one: FieldElement
    /** Primitive 2^i-th roots of unity, Montgomery form. */
    readonly w: readonly FieldElement[]
    e(value: bigint | number | string): FieldElement
    neg(a: FieldElement): FieldElement
    inv(a: FieldElement): FieldElement
    mul(a: FieldElement, b: FieldElement): FieldElement
    /** Plain little-endian bytes to an element. */
    fromRprLE(buffer: Uint8Array, offset: number, length: number): FieldElement
    toObject(value: FieldElement): bigint
  }

  interface CurveGroup {
    readonly g: Point
    readonly zero: Point
    readonly F: { readonly n8: number }
    add(a: Point, b: Point): Point
    neg(a: Point): Point
    double(a: Point): Point
    eq(a: Point, b: Point): boolean
    isZero(a: Point): boolean
    isValid(a: Point): boolean
    timesFr(a: Point, scalar: FieldElement): Point
    timesScalar(a: Point, scalar: bigint): Point
    toAffine(a: Point): Point
    fromObject(value: unknown): Point
    toObject(a: Point): [bigint, bigint, bigint] | [[bigint, bigint], [bigint, bigint], [bigint, bigint]]
    fromRprLEM(buffer: Uint8Array, offset: number): Point
    /** Affine, Montgomery, little endian: the form of zkey and ptau files. */
    toRprLEM(buffer: Uint8Array, offset: number, a: Point): void
    toRprUncompressed(buffer: Uint8Array, offset: number, a: Point): void
    fromRng(rng: ChaCha): Point
  }

  interface ThreadManager {
    /** The curve's WebAssembly, only kept by a single-threaded engine. */
    readonly code: Uint8Array
    readonly memory: WebAssembly.Memory
    readonly instance: WebAssembly.Instance
    readonly concurrency: number
    readonly pG1gen: number
    readonly pG2gen: number
  }

  interface Curve {
    readonly name: string
    readonly q: bigint
    readonly r: bigint
    readonly Fr: ScalarField
    readonly G1: CurveGroup
    readonly G2: CurveGroup
    readonly tm: ThreadManager
    pairingEq(...pointsAndTarget: Point[]): Promise<boolean>
    terminate(): Promise<void>
  }

  class ChaCha {
    constructor(seed: readonly number[])
  }

  function buildBn128(singleThread?: boolean): Promise<Curve>
}

declare module 'snarkjs' {
  type MemoryFile = { type: 'mem'; data?: Uint8Array }
  type FileLike = string | Uint8Array | MemoryFile

  interface Logger {
    debug(message: string): void
    info(message: string): void
    warn(message: string): void
    error(message: string): void
  }

  interface SnarkjsProof {
    pi_a: string[]
    pi_b: string[][]
    pi_c: string[]
    protocol: string
    curve: string
  }

  const groth16: {
    prove(
      zkey: FileLike,
      witness: FileLike,
      logger?: Logger,
      options?: { singleThread?: boolean },
    ): Promise<{ proof: SnarkjsProof; publicSignals: string[] }>
    verify(vkey: object, publicSignals: readonly string[], proof: object, logger?: Logger): Promise<boolean>
    exportSolidityCallData(proof: object, publicSignals: readonly string[]): Promise<string>
  }

  const zKey: {
    newZKey(r1cs: FileLike, ptau: FileLike, zkey: FileLike, logger?: Logger): Promise<Uint8Array | -1>
    contribute(
      before: FileLike,
      after: FileLike,
      name: string,
      entropy: string,
      logger?: Logger,
    ): Promise<Uint8Array | false>
    beacon(
      before: FileLike,
      after: FileLike,
      name: string,
      beaconHash: string,
      iterationsExponent: number,
      logger?: Logger,
    ): Promise<Uint8Array | false>
    verifyFromInit(initial: FileLike, ptau: FileLike, zkey: FileLike, logger?: Logger): Promise<boolean>
    verifyFromR1cs(r1cs: FileLike, ptau: FileLike, zkey: FileLike, logger?: Logger): Promise<boolean>
    exportVerificationKey(zkey: FileLike, logger?: Logger): Promise<Record<string, unknown>>
  }

  const powersOfTau: {
    newAccumulator(curve: object, power: number, file: FileLike, logger?: Logger): Promise<Uint8Array>
    contribute(before: FileLike, after: FileLike, name: string, entropy: string, logger?: Logger): Promise<Uint8Array>
    preparePhase2(before: FileLike, after: FileLike, logger?: Logger): Promise<void>
    verify(file: FileLike, logger?: Logger): Promise<boolean>
  }

  const wtns: {
    calculate(
      input: object,
      wasm: FileLike,
      witness: FileLike,
      /** `memorySize` in pages of 64 KiB; without it 2 GiB are set aside for each witness, for circom 1's sake. */
      options?: { sanityCheck?: boolean; logGetSet?: boolean; memorySize?: number },
    ): Promise<void>
    check(r1cs: FileLike, witness: FileLike, logger?: Logger): Promise<boolean>
    exportJson(witness: FileLike): Promise<bigint[]>
  }

  const curves: {
    getCurveFromName(
      name: string,
      options?: { singleThread?: boolean },
    ): Promise<{
      terminate(): Promise<void>
    }>
  }
}
