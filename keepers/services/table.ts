// SPDX-License-Identifier: GPL-3.0-or-later
// What a CSV file's columns are, for members who will all read theirs alike.
import { LearningError, readRows } from '../learning/index.ts'
import type { ServiceManifest } from '../versions/index.ts'

type Table = Extract<ServiceManifest['input'], { kind: 'table' }>

export type TableOptions = {
  /** Column of the label; the last one unless told. */
  readonly target?: string
  /** Columns that are not given to the model. */
  readonly ignore?: readonly string[]
}

/** The properties of a table's sample that members agree on. */
export type InferredTable = { readonly input: Table; readonly classes: readonly string[]; readonly rows: number }

const DELIMITERS = [',', ';', '\t'] as const
/** More different numbers than these are an amount, not the names of classes. */
const MOST_NUMBERS = 20
/** Means and deviations are public: rounded, they say less of the samples that they were taken from. */
const DIGITS = 2

/**
 * Columns, their scaling and the classes of a table with column names in its first line.
 * @throws LearningError BAD_DATA naming file, line and column, and what would do
 */
export function inferTable(text: string, name: string, options: TableOptions = {}): InferredTable {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${name}: ${what}`)
  }
  const delimiter = delimiterOf(text)
  const rows = readRows(text, delimiter, name)
  const header = rows.shift()?.fields ?? []
  if (header.length < 2) bad(`${header.length} columns; at least one feature and a label are needed`)
  const twice = header.find((column, at) => header.indexOf(column) !== at)
  if (twice !== undefined) bad(`column '${twice}' is there twice`)
  if (header.every((column) => isNumber(column))) bad('the first line has only numbers; it must name the columns')
  const label = options.target ?? header.at(-1)!
  for (const [flag, columns] of [
    ['--target', [label]],
    ['--ignore', options.ignore ?? []],
  ] as const) {
    const missing = columns.find((column) => !header.includes(column))
    if (missing !== undefined) bad(`${flag} '${missing}': the columns are ${header.join(', ')}`)
  }
  if (rows.length === 0) bad('no rows below the header')
  for (const { line, fields } of rows) {
    if (fields.length !== header.length) bad(`line ${line}: ${fields.length} fields, the header has ${header.length}`)
  }
  const features = header.filter((column) => column !== label && options.ignore?.includes(column) !== true)
  if (features.length === 0) bad('no column is left for the model')
  const scale = features.map((feature) => {
    const at = header.indexOf(feature)
    const odd = rows.find(({ fields }) => !isNumber(fields[at]!))
    if (odd !== undefined) {
      const found = odd.fields[at]!.trim() === '' ? 'empty' : `'${odd.fields[at]}'`
      bad(
        `line ${odd.line}: column '${feature}' is ${found}, not a number: correct it, or leave the column out (--ignore)`,
      )
    }
    return scaleOf(rows.map(({ fields }) => Number(fields[at])))
  })
  const classes = classesOf(
    rows.map(({ fields }) => fields[header.indexOf(label)]!),
    `column '${label}'`,
    bad,
  )
  return {
    input: { kind: 'table', shape: [features.length], features, label, scale, delimiter },
    classes,
    rows: rows.length,
  }
}

/** The delimiter that divides the first line most. */
function delimiterOf(text: string): string {
  const line = text.slice(0, text.indexOf('\n') < 0 ? text.length : text.indexOf('\n'))
  return [...DELIMITERS].sort((a, b) => line.split(b).length - line.split(a).length)[0]!
}

function classesOf(labels: readonly string[], column: string, bad: (what: string) => never): string[] {
  const names = [...new Set(labels)]
  if (names.includes('')) bad(`${column} is empty in some rows: every sample needs its label`)
  if (names.length < 2) bad(`${column} has one value only: there is nothing to distinguish`)
  const numbers = names.every(isNumber)
  if ((numbers && names.length > MOST_NUMBERS) || names.length > Math.max(2, labels.length / 2)) {
    bad(
      `${column} has ${names.length} different values, so it is an amount or a name, not a class: choose another --target`,
    )
  }
  return numbers ? names.sort((a, b) => Number(a) - Number(b)) : names.sort()
}

function scaleOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  return { mean: rounded(mean), deviation: rounded(deviation) || 1 }
}

const rounded = (value: number): number => Number(value.toPrecision(DIGITS))
const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text))

/**
 * The model's input for one row of a file, which may lack the label.
 * @param row from 1, not counting the header
 * @throws LearningError BAD_DATA naming file, line and column
 */
export function tableRow({ features, scale, delimiter }: Table, text: string, name: string, row: number): number[] {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${name}: ${what}`)
  }
  const [header, ...rows] = readRows(text, delimiter, name)
  const found = rows[row - 1]
  if (header === undefined || found === undefined)
    return bad(`no row ${row}; there are ${rows.length} below the header`)
  return features.map((feature, i) => {
    const at = header.fields.indexOf(feature)
    if (at < 0) bad(`no column '${feature}'; the columns are ${header.fields.join(', ')}`)
    const field = found.fields[at] ?? ''
    if (!isNumber(field)) bad(`line ${found.line}: column '${feature}' is '${field}', not a number`)
    const { mean, deviation } = scale?.[i] ?? { mean: 0, deviation: 1 }
    return (Number(field) - mean) / deviation
  })
}
