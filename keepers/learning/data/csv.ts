// SPDX-License-Identifier: GPL-3.0-or-later
// Tables: RFC 4180 CSV with a schema that says which columns are features and which is the label.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { Dataset } from '../types.ts'
import {
  BEYOND,
  type Columns,
  columnReader,
  columnsSchema,
  columnsWidth,
  contradictionInColumns,
  numberOf,
} from './columns.ts'
import { createDataset, type DatasetParts } from './dataset.ts'
import { columnAt, headerOf, type Row, readRows, tableText } from './rows.ts'
import { bagReader, bagSize, type Tokenizer, tokenizerSchema } from './words.ts'

export const csvSchemaSchema = z.strictObject({
  ...columnsSchema.shape,
  /** The only feature is text, cut up like this. */
  text: tokenizerSchema.optional(),
  label: z.string().min(1),
  /** The label values, in the order of the model's outputs; by default all that occur, sorted. */
  classes: z.array(z.string()).min(2).optional(),
  /** Shape of one sample; a vector when absent. */
  inputShape: z.array(z.number().int().positive()).min(1).optional(),
  /** The label is an amount, and the model's output is (label − mean) / deviation. */
  target: z.strictObject({ mean: z.number(), deviation: z.number().positive() }).optional(),
  /** The label names any number of the classes, separated by this character. */
  separator: z.string().length(1).optional(),
  delimiter: z.string().length(1).default(','),
})
export type CsvSchema = z.input<typeof csvSchemaSchema>

/** Most values: two GiB in 32-bit floats. One byte in the file may be a category that becomes a thousand values. */
const MOST_VALUES = 2 ** 29

/** Reads a CSV file. Its first line names the columns. Throws BAD_DATA naming file, line and column. */
export async function loadCsv(file: string, schema: CsvSchema): Promise<Dataset> {
  return parseCsv(tableText(await readFile(file), file), schema, file)
}

export function parseCsv(text: string, schema: CsvSchema, name = 'csv'): Dataset {
  const parsed = csvSchemaSchema.safeParse(schema)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError('BAD_DATA', `${name}: schema field ${issue.path.join('.')}: ${issue.message}`)
  }
  const { label, delimiter } = parsed.data
  const size = widthOf(parsed.data)
  const inputShape = parsed.data.inputShape ?? [size]
  if (inputShape.reduce((a, b) => a * b, 1) !== size) {
    throw new LearningError('BAD_DATA', `${name}: ${size} features do not make a sample of [${inputShape}]`)
  }
  const wrong = contradictionInColumns(parsed.data)
  if (wrong !== null) throw new LearningError('BAD_DATA', `${name}: schema field ${wrong}`)
  const rows = readRows(text, delimiter, name)
  const first = rows.shift()
  if (first === undefined) throw new LearningError('BAD_DATA', `${name}: empty; the first line must name the columns`)
  const header = headerOf(first)
  const read = inputReader(parsed.data, header, name)
  const labelColumn = columnAt(header, label, name)
  if (rows.length === 0) throw new LearningError('BAD_DATA', `${name}: no rows below the header`)
  if (rows.length * size > MOST_VALUES) {
    const [found, most] = [rows.length * size, MOST_VALUES].map((count) => count.toLocaleString('en-US'))
    throw new LearningError(
      'BAD_DATA',
      `${name}: ${found} values for the model, at most ${most}: a part of the rows will do`,
    )
  }
  const inputs = new Float32Array(rows.length * size)
  for (const [index, row] of rows.entries()) {
    if (row.fields.length !== header.length) {
      throw new LearningError(
        'BAD_DATA',
        `${name}:${row.line}: ${row.fields.length} fields, the header has ${header.length}`,
      )
    }
    read(row, inputs.subarray(index * size, (index + 1) * size))
  }
  const answers = readAnswers(
    rows.map(({ line, fields }) => ({ line, field: fields[labelColumn]! })),
    parsed.data,
    name,
  )
  return createDataset({ name, origin: 'csv', inputShape, inputs, ...answers })
}

type Parsed = z.output<typeof csvSchemaSchema>

/** How many numbers the model gets for one row. */
function widthOf(schema: Parsed): number {
  return schema.text === undefined ? columnsWidth(schema) : bagSize(schema.text)
}

/** A reader of the model's input. @throws LearningError BAD_DATA for a missing column */
export function inputReader(
  schema: Columns & { readonly text?: Tokenizer | undefined },
  header: readonly string[],
  name: string,
): (row: Row, into: Float32Array) => void {
  const { text, features } = schema
  if (text === undefined) return columnReader(schema, header, name)
  if (features.length !== 1) {
    throw new LearningError('BAD_DATA', `${name}: schema field features: ${features.length} columns; text is one`)
  }
  const at = columnAt(header, features[0]!, name)
  const read = bagReader(text)
  return ({ fields }, into) => read(fields[at] ?? '', into)
}

type Answers = Pick<DatasetParts, 'labels' | 'classes' | 'classNames' | 'targets'>

/** Reads the label of each row. */
function readAnswers(rows: readonly { line: number; field: string }[], schema: Parsed, name: string): Answers {
  const { target, separator, decimal, label } = schema
  if (target !== undefined) {
    const targets = Float32Array.from(rows, ({ line, field }) => {
      const amount = numberOf(field, decimal)
      const scaled = (amount - target.mean) / target.deviation
      if (Number.isFinite(Math.fround(scaled))) return scaled
      const what = Number.isFinite(amount) ? BEYOND : 'not a finite number'
      throw new LearningError('BAD_DATA', `${name}:${line}: column '${label}' is ${JSON.stringify(field)}, ${what}`)
    })
    return { labels: new Uint16Array(rows.length), classes: 1, targets }
  }
  const parts = (field: string): string[] =>
    separator === undefined
      ? [field.trim()]
      : field
          .split(separator)
          .map((part) => part.trim())
          .filter((part) => part !== '')
  const classNames = schema.classes ?? [...new Set(rows.flatMap(({ field }) => parts(field)))].sort()
  const classOf = new Map(classNames.map((value, i) => [value, i]))
  const places = rows.map(({ line, field }) =>
    parts(field).map((part) => {
      const place = classOf.get(part)
      if (place !== undefined) return place
      throw new LearningError(
        'BAD_DATA',
        `${name}:${line}: label ${JSON.stringify(part)} is not one of ${classNames.join(', ')}`,
      )
    }),
  )
  const classes = Math.max(2, classNames.length)
  if (separator === undefined) return { labels: places.map(([place]) => place!), classes, classNames }
  const targets = new Float32Array(rows.length * classes)
  for (const [row, found] of places.entries()) for (const place of found) targets[row * classes + place] = 1
  return { labels: new Uint16Array(rows.length), classes, classNames, targets }
}
