// SPDX-License-Identifier: GPL-3.0-or-later
// Circom source as it grows: indentation and long arrays, without regard to meaning.

const LINE_WIDTH = 118

export class CircomText {
  private readonly lines: string[] = []
  private depth = 0

  /** Adds lines at the present depth; a line that ends in `{` opens a block, one that begins with `}` closes one. */
  add(...lines: readonly string[]): this {
    for (const line of lines) {
      if (line.startsWith('}')) this.depth--
      this.lines.push(line === '' ? '' : `${'    '.repeat(this.depth)}${line}`)
      if (line.endsWith('{')) this.depth++
    }
    return this
  }

  /** `for (var v = 0; v < n; v++)` around what `body` adds, one loop for each [name, count]. */
  loops(counters: readonly (readonly [string, number])[], body: () => void): this {
    for (const [name, count] of counters) this.add(`for (var ${name} = 0; ${name} < ${count}; ${name}++) {`)
    body()
    for (let i = 0; i < counters.length; i++) this.add('}')
    return this
  }

  /** A function without parameters that returns the list, broken into lines. */
  constant(name: string, values: Iterable<number>): this {
    this.add(`function ${name}() {`, 'return [')
    let line = '   '
    for (const value of values) {
      const item = ` ${value},`
      if (line.length + item.length > LINE_WIDTH) {
        this.lines.push(line)
        line = '   '
      }
      line += item
    }
    this.lines.push(`${line.slice(0, -1)}];`)
    return this.add('}', '')
  }

  append(other: CircomText): this {
    this.lines.push(...other.lines)
    return this
  }

  toString(): string {
    return `${this.lines.join('\n')}\n`
  }
}

/** A number as a circom expression; negative ones in parentheses. */
export function literal(value: number | bigint): string {
  return value < 0 ? `(${value})` : `${value}`
}
