// SPDX-License-Identifier: GPL-3.0-or-later
import { stripVTControlCharacters } from 'node:util'

const REDRAW_MS = 250

/**
 * Aligns cells in columns. Numbers stand right.
 * @param rows first row is the heading
 */
export function formatRows(rows: readonly (readonly string[])[]): string {
  const width = (cell: string) => stripVTControlCharacters(cell).length
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))))
  const isNumber = rows[0]!.map((_, column) => rows.slice(1).every((row) => /^[\d.,+\-– %]*$/.test(row[column] ?? '')))
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const fill = ' '.repeat(widths[column]! - width(cell))
          return isNumber[column] ? fill + cell : cell + fill
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A table that redraws itself in place on a terminal. Elsewhere only its log lines are printed. */
export class LiveTable {
  readonly #render: () => string
  readonly #out = process.stderr
  readonly #live = process.stderr.isTTY === true
  #drawn = 0
  #timer: NodeJS.Timeout | null = null

  constructor(render: () => string) {
    this.#render = render
  }

  start(): void {
    if (this.#live) this.#timer = setInterval(() => this.#draw(), REDRAW_MS)
  }

  /** A line that stays, above the table. */
  log(line: string): void {
    this.#clear()
    this.#out.write(`${line}\n`)
    if (this.#timer !== null) this.#draw()
  }

  /** Leaves the last state of the table on the screen. */
  stop(): void {
    if (this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
    this.#draw()
    this.#drawn = 0
  }

  #draw(): void {
    this.#clear()
    const text = this.#render()
    this.#out.write(`${text}\n`)
    this.#drawn = text.split('\n').length
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
  }
}
