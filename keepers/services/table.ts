// SPDX-License-Identifier: GPL-3.0-or-later
// Describes a CSV file's columns, so that all members read theirs in the same way.
import {
  bagSize,
  columnsWidth,
  dividerOf,
  headerOf,
  inputReader,
  LearningError,
  readRows,
  type Tokenizer,
} from '../learning/index.ts'
import { rowsOfInput, type ServiceInput, type ServiceTask } from '../versions/index.ts'
import { inferTask, type TaskOptions } from './answers.ts'
import { decimalOf, inferColumns } from './columns.ts'

/** Inputs that come in rows: a table or text. */
export type RowInput = Extract<ServiceInput, { kind: 'table' | 'text' }>

export type TableOptions = TaskOptions & {
  /** Column of the label; the last one unless told. */
  readonly target?: string
  /** Columns that the model does not get. */
  readonly ignore?: readonly string[]
  /** A column that is read as text. The model then gets no other column. */
  readonly text?: string
  readonly tokenizer?: Tokenizer
}

/** What members will agree on, as a sample of a table suggests it. */
export type InferredTable = { readonly input: RowInput; readonly task: ServiceTask; readonly rows: number }

/** Most columns: a manifest lists each one, and columns are compared with each other. */
const MOST_COLUMNS = 10_000
const DELIMITERS = [',', ';', '\t'] as const
/** Single words, with enough places that few of some thousand words share one. */
export const USUAL_TOKENIZER: Tokenizer = { kind: 'hashed', of: 'words', shortest: 1, longest: 1, buckets: 1024 }

/**
 * Infers columns, scaling and task of a table whose first line names the columns.
 * @throws LearningError BAD_DATA naming file, line and column, and the fix
 */
export function inferTable(text: string, name: string, options: TableOptions = {}): InferredTable {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${name}: ${what}`)
  }
  const delimiter = delimiterOf(text)
  const [first, ...rows] = readRows(text, delimiter, name)
  if (first === undefined) return bad('empty; the first line must name the columns, the others are samples')
  const header = headerOf(first)
  if (header.length < 2) {
    bad(
      `one column ('${header[0]!.slice(0, 80)}'); at least one feature and a label are needed, with a comma, semicolon or tab between`,
    )
  }
  const nameless = header.indexOf('')
  if (nameless >= 0) bad(`column ${nameless + 1} has no name: give it one in the first line, or take it out`)
  if (header.length > MOST_COLUMNS) bad(`${header.length} columns, at most ${MOST_COLUMNS} are read: leave some out`)
  const twice = header.find((column, at) => header.indexOf(column) !== at)
  if (twice !== undefined) bad(`column '${twice}' is there twice: rename one in the first line`)
  // Records of what is known of each column, by its name, cannot have this one.
  if (header.includes('__proto__')) bad("a column cannot be called '__proto__': rename it in the first line")
  if (header.every((column) => Number.isFinite(Number(column || Number.NaN)))) {
    bad('the first line has only numbers; it must name the columns')
  }
  const label = options.target ?? header.at(-1)!
  for (const [flag, columns] of [
    ['--target', [label]],
    ['--ignore', options.ignore ?? []],
    ['--text', options.text === undefined ? [] : [options.text]],
  ] as const) {
    const missing = columns.find((column) => !header.includes(column))
    if (missing !== undefined) bad(`${flag} '${missing}': the columns are ${header.join(', ')}`)
  }
  if (options.text === label) bad(`--text '${label}' is the label, too: choose another --target`)
  if (rows.length === 0) bad('no rows below the header')
  for (const { line, fields } of rows) {
    if (fields.length !== header.length) bad(`line ${line}: ${fields.length} fields, the header has ${header.length}`)
  }
  const features = header.filter((column) => column !== label && options.ignore?.includes(column) !== true)
  if (features.length === 0) bad('no column is left for the model')
  const decimal = decimalOf(delimiter, rows)
  const labels = rows.map(({ fields }) => fields[header.indexOf(label)]!.trim())
  const place = (row: number): string => `line ${rows[row]!.line}: column '${label}'`
  const task = (): ServiceTask => inferTask(labels, { all: `column '${label}'`, place, decimal }, options, bad)
  if (options.text !== undefined) {
    const { text: column, tokenizer = USUAL_TOKENIZER } = options
    const input: RowInput = { kind: 'text', shape: [bagSize(tokenizer)], column, tokenizer, label, delimiter }
    return { input, task: task(), rows: rows.length }
  }
  const columns = inferColumns(features, header, rows, { name, decimal })
  const input: RowInput = { kind: 'table', shape: [columnsWidth(columns)], ...columns, label, delimiter }
  return { input, task: task(), rows: rows.length }
}

/** The delimiter of a table's fields. */
export function delimiterOf(text: string): string {
  return dividerOf(text, DELIMITERS)
}

/**
 * The model's input for one row of a file, which may lack the label.
 * @param row from 1, not counting the header
 * @throws LearningError BAD_DATA naming file, line and column
 */
export function tableRow(input: RowInput, text: string, name: string, row: number): number[] {
  const schema = rowsOfInput(input)!
  const [header, ...rows] = readRows(text, input.delimiter, name)
  const found = rows[row - 1]
  if (header === undefined || found === undefined) {
    throw new LearningError('BAD_DATA', `${name}: no row ${row}; there are ${rows.length} below the header`)
  }
  const values = new Float32Array(input.shape.reduce((product, length) => product * length, 1))
  inputReader(schema, headerOf(header), name)(found, values)
  return [...values]
}
