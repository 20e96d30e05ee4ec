// SPDX-License-Identifier: GPL-3.0-or-later
// Tables: RFC 4180 CSV with a schema that says which columns are features and which is the label.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { Dataset } from '../types.ts'
import { createDataset } from './dataset.ts'

export const csvSchemaSchema = z.strictObject({
  /** Column names, in the order in which the model takes them. */
  features: z.array(z.string().min(1)).min(1),
  label: z.string().min(1),
  /** The label values, in the order of the model's outputs; all there are, sorted, when absent. */
  classes: z.array(z.string()).min(2).optional(),
  /** Shape of one sample; `[features.length]` when absent. */
  inputShape: z.array(z.number().int().positive()).min(1).optional(),
  /** Per feature (x − mean) / deviation with the statistics given here, so that all keepers scale in the same way. */
  scale: z.array(z.strictObject({ mean: z.number(), deviation: z.number().positive() })).optional(),
  delimiter: z.string().length(1).default(','),
})
export type CsvSchema = z.input<typeof csvSchemaSchema>

/** Reads a CSV file. Its first line names the columns. Throws BAD_DATA naming file, line and column. */
export async function loadCsv(file: string, schema: CsvSchema): Promise<Dataset> {
  return parseCsv(await readFile(file, 'utf8'), schema, file)
}

export function parseCsv(text: string, schema: CsvSchema, name = 'csv'): Dataset {
  const parsed = csvSchemaSchema.safeParse(schema)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError('BAD_DATA', `${name}: schema field ${issue.path.join('.')}: ${issue.message}`)
  }
  const { features, label, classes, scale, delimiter } = parsed.data
  const inputShape = parsed.data.inputShape ?? [features.length]
  if (inputShape.reduce((a, b) => a * b, 1) !== features.length) {
    throw new LearningError('BAD_DATA', `${name}: ${features.length} features do not make a sample of [${inputShape}]`)
  }
  if (scale !== undefined && scale.length !== features.length) {
    throw new LearningError('BAD_DATA', `${name}: ${scale.length} scales for ${features.length} features`)
  }
  const rows = readRows(text, delimiter, name)
  const header = rows.shift()?.fields
  if (header === undefined) throw new LearningError('BAD_DATA', `${name}: empty; the first line must name the columns`)
  const column = (wanted: string) => {
    const at = header.indexOf(wanted)
    if (at < 0) throw new LearningError('BAD_DATA', `${name}: no column ${wanted}; there are ${header.join(', ')}`)
    return at
  }
  const featureColumns = features.map(column)
  const labelColumn = column(label)
  if (rows.length === 0) throw new LearningError('BAD_DATA', `${name}: no rows below the header`)
  const classNames = classes ?? [...new Set(rows.map(({ fields }) => fields[labelColumn] ?? ''))].sort()
  const classOf = new Map(classNames.map((value, i) => [value, i]))
  const inputs = new Float32Array(rows.length * features.length)
  const labels = new Uint16Array(rows.length)
  for (const [index, { line, fields }] of rows.entries()) {
    if (fields.length !== header.length) {
      throw new LearningError('BAD_DATA', `${name}:${line}: ${fields.length} fields, the header has ${header.length}`)
    }
    for (const [i, at] of featureColumns.entries()) {
      const field = fields[at]!.trim()
      const value = field === '' ? Number.NaN : Number(field)
      if (!Number.isFinite(value)) {
        throw new LearningError(
          'BAD_DATA',
          `${name}:${line}: column ${features[i]} is ${JSON.stringify(fields[at])}, not a finite number`,
        )
      }
      const { mean, deviation } = scale?.[i] ?? { mean: 0, deviation: 1 }
      inputs[index * features.length + i] = (value - mean) / deviation
    }
    const answer = classOf.get(fields[labelColumn]!)
    if (answer === undefined) {
      throw new LearningError(
        'BAD_DATA',
        `${name}:${line}: label ${JSON.stringify(fields[labelColumn])} is not one of ${classNames.join(', ')}`,
      )
    }
    labels[index] = answer
  }
  return createDataset({
    name,
    origin: 'csv',
    inputShape,
    classes: Math.max(2, classNames.length),
    inputs,
    labels,
    classNames,
  })
}

type Row = { readonly line: number; readonly fields: string[] }

/** RFC 4180: quoted fields may hold delimiters, doubled quotes and line breaks. Blank lines are skipped. */
export function readRows(text: string, delimiter: string, name: string): Row[] {
  const rows: Row[] = []
  let fields: string[] = []
  let field = ''
  let quoted = false
  let line = 1
  let start = 1
  const source = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  const endRow = () => {
    fields.push(field)
    if (fields.length > 1 || field !== '') rows.push({ line: start, fields })
    fields = []
    field = ''
    start = line
  }
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!
    if (char === '\n') line++
    if (quoted) {
      if (char !== '"') field += char
      else if (source[i + 1] === '"') {
        field += '"'
        i++
      } else quoted = false
    } else if (char === '"' && field === '') quoted = true
    else if (char === delimiter) {
      fields.push(field)
      field = ''
    } else if (char === '\n') endRow()
    else if (char !== '\r' || source[i + 1] !== '\n') field += char
  }
  if (quoted) throw new LearningError('BAD_DATA', `${name}:${start}: a quoted field is never closed`)
  endRow()
  return rows
}
