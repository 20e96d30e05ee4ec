// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the witness program that circom emits (its WebAssembly interface, version 2). No Node APIs: works in browsers.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { CircuitError } from './errors.ts'

/** Values of the main component's input signals; arrays are flattened row-major. */
export type CircuitInputs = Readonly<Record<string, bigint | readonly bigint[]>>

type WitnessExports = {
  readonly memory: WebAssembly.Memory
  init(sanityCheck: number): void
  getVersion(): number
  getFieldNumLen32(): number
  getSharedRWMemoryStart(): number
  getRawPrime(): void
  getWitnessSize(): number
  getWitness(index: number): void
  getInputSize(): number
  getInputSignalSize(hashHigh: number, hashLow: number): number
  setInputSignal(hashHigh: number, hashLow: number, index: number): void
  getMessageChar(): number
}

const RUNTIME_ERRORS: Readonly<Record<number, string>> = {
  1: 'signal not found',
  2: 'too many signals set',
  3: 'signal already set',
  4: 'a constraint does not hold',
  5: 'not enough memory',
  6: 'input signal array access exceeds the size',
  7: 'array access out of bounds',
}

/** A witness program, loaded once and run for any number of inputs, one at a time. */
export class WitnessProgram {
  private readonly module: WebAssembly.Module
  /** Signals of a witness, the constant one included. */
  readonly size: number

  private constructor(module: WebAssembly.Module, size: number) {
    this.module = module
    this.size = size
  }

  /** @throws CircuitError `malformed-file` when the bytes are not a witness program over BN254. */
  static async load(wasm: Uint8Array): Promise<WitnessProgram> {
    let module: WebAssembly.Module
    let exports: WitnessExports
    try {
      // A file's bytes are not shared memory; the module keeps its own copy.
      module = await compileModule(wasm as Uint8Array<ArrayBuffer>)
      exports = instantiate(module)
      exports.getRawPrime()
    } catch (error) {
      throw new CircuitError('malformed-file', `the witness program does not load: ${String(error)}`, { cause: error })
    }
    const prime = readElement(exports, exports.getSharedRWMemoryStart())
    if (exports.getFieldNumLen32() * 4 !== FIELD_BYTES || prime !== SCALAR_FIELD) {
      throw new CircuitError('malformed-file', 'the witness program is for another field; compile for bn128')
    }
    return new WitnessProgram(module, exports.getWitnessSize())
  }

  /**
   * The witness as `size` field elements of 32 bytes, little endian, canonical (< r).
   * @throws CircuitError `wrong-input` for a missing, unknown or wrongly sized signal; `witness-refused` when a
   *   constraint or assertion fails for these inputs.
   */
  calculate(inputs: CircuitInputs): Uint8Array {
    // A fresh instance for every witness: a run leaves the program's constants in Montgomery form, and multiplying small integers
    // is slow from then on (0.25 s instead of 0.05 s for a network of 140,000 products).
    const exports = instantiate(this.module)
    // Names and sizes first, so that bad inputs are told apart from inputs the circuit refuses.
    const entries = Object.entries(inputs).map(([name, value]) => {
      const values = typeof value === 'bigint' ? [value] : value
      const [high, low] = signalHash(name)
      const expected = exports.getInputSignalSize(high, low)
      if (expected <= 0) throw new CircuitError('wrong-input', `the circuit has no input ${name}`)
      if (expected !== values.length) {
        throw new CircuitError('wrong-input', `input ${name}: ${values.length} values, the circuit takes ${expected}`)
      }
      for (const [index, element] of values.entries()) {
        if (element < 0n || element >= SCALAR_FIELD) {
          throw new CircuitError('wrong-input', `input ${name}[${index}] is not a field element`)
        }
      }
      return { high, low, values }
    })
    const given = entries.reduce((sum, { values }) => sum + values.length, 0)
    if (given !== exports.getInputSize()) {
      throw new CircuitError('wrong-input', `${given} input values given, the circuit takes ${exports.getInputSize()}`)
    }
    exports.init(1)
    const start = exports.getSharedRWMemoryStart()
    for (const { high, low, values } of entries) {
      for (const [index, value] of values.entries()) {
        writeElement(exports, start, value)
        exports.setInputSignal(high, low, index)
      }
    }
    const witness = new Uint8Array(this.size * FIELD_BYTES)
    for (let index = 0; index < this.size; index++) {
      exports.getWitness(index)
      witness.set(new Uint8Array(exports.memory.buffer, start, FIELD_BYTES), index * FIELD_BYTES)
    }
    return witness
  }
}

/** V8's own budget, and the most its flag takes. Bytes executed, roughly, before a function is optimised. */
const DEFAULT_TIERING_BUDGET = 13_000_000
const MAX_TIERING_BUDGET = 2 ** 31 - 1
/** Programs of so many bytes have a function that is too large to optimise at once. */
const LARGE_PROGRAM = 200_000

/**
 * A witness program has one function of megabytes, called once per witness. V8 would find it hot after a single call, since its
 * loops count too, and optimise it in the background with 100 MB and more (its register allocation is quadratic: minutes and
 * gigabytes for large networks); a process cannot end meanwhile. With the largest budget that happens after half a dozen witnesses;
 * the arithmetic of the field makes up for it no earlier, and the first witnesses take a tenth longer.
 */
async function compileModule(wasm: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  const inV8 = typeof process === 'object' && process.versions?.v8 !== undefined
  if (!inV8 || wasm.length <= LARGE_PROGRAM) return WebAssembly.compile(wasm)
  const { setFlagsFromString } = await import('node:v8')
  // Synchronous, so that no other module of this thread is made with this budget.
  setFlagsFromString(`--wasm-tiering-budget=${MAX_TIERING_BUDGET}`)
  try {
    return new WebAssembly.Module(wasm)
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${DEFAULT_TIERING_BUDGET}`)
  }
}

function instantiate(module: WebAssembly.Module): WitnessExports {
  const messages: string[] = []
  const readMessage = () => {
    let text = ''
    for (let code = exports.getMessageChar(); code !== 0; code = exports.getMessageChar()) {
      text += String.fromCharCode(code)
    }
    return text
  }
  const runtime = {
    exceptionHandler(code: number) {
      const reason = RUNTIME_ERRORS[code] ?? `error ${code}`
      throw new CircuitError('witness-refused', `${reason}; ${messages.join(' ').trim()}`)
    },
    printErrorMessage: () => void messages.push(readMessage()),
    writeBufferMessage: () => void readMessage(),
    showSharedRWMemory: () => undefined,
  }
  const exports = new WebAssembly.Instance(module, { runtime }).exports as unknown as WitnessExports
  return exports
}

function readElement(exports: WitnessExports, start: number): bigint {
  const view = new DataView(exports.memory.buffer, start, FIELD_BYTES)
  let value = 0n
  for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(8 * word, true)
  return value
}

function writeElement(exports: WitnessExports, start: number, value: bigint): void {
  const view = new DataView(exports.memory.buffer, start, FIELD_BYTES)
  for (let word = 0; word < 4; word++) view.setBigUint64(8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true)
}

/** FNV-1a of 64 bits, by which the witness program knows its inputs. */
function signalHash(name: string): [number, number] {
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < name.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(i))) * 0x100000001b3n)
  }
  return [Number(hash >> 32n), Number(hash & 0xffffffffn)]
}
