// SPDX-License-Identifier: GPL-3.0-or-later
// Names of a circuit's signals, from the `.sym` file that circom writes beside the r1cs.
import { CircuitError } from './errors.ts'

export class Symbols {
  /** Qualified name → wire. Includes all names of one wire after simplification, but not the names of removed signals. */
  private readonly wires: ReadonlyMap<string, number>

  private constructor(wires: ReadonlyMap<string, number>) {
    this.wires = wires
  }

  /** @throws CircuitError `malformed-file` naming the line. */
  static parse(text: string): Symbols {
    const wires = new Map<string, number>()
    for (const [index, line] of text.split('\n').entries()) {
      if (line === '') continue
      const [, wire, , name, ...rest] = line.split(',')
      if (name === undefined || rest.length > 0 || !/^-?\d+$/.test(wire!)) {
        throw new CircuitError('malformed-file', `symbols, line ${index + 1}: not label,wire,component,name`)
      }
      if (wire !== '-1') wires.set(name, Number(wire))
    }
    return new Symbols(wires)
  }

  /** @throws CircuitError `wrong-input` when the circuit has no such signal, or the compiler has removed it. */
  wire(name: string): number {
    const wire = this.wires.get(name)
    if (wire === undefined) throw new CircuitError('wrong-input', `the circuit has no signal ${name}`)
    return wire
  }

  /** Whether a signal of that name is left. */
  has(name: string): boolean {
    return this.wires.has(name)
  }

  /** All [name, wire] with a name that begins with `prefix`. */
  under(prefix: string): [string, number][] {
    return [...this.wires].filter(([name]) => name.startsWith(prefix))
  }

  /** One name of each wire. */
  names(): Map<number, string> {
    return new Map([...this.wires].map(([name, wire]) => [wire, name]))
  }
}
