// SPDX-License-Identifier: GPL-3.0-or-later
// What a visitor types or brings, as the numbers that a model takes. Read by the code with which keepers read their samples.
import { arraysIn, BYTE_FORMATS, inputReader, sampleIn } from '../../../keepers/learning/index.ts'
import { rowsOfInput, type ServiceInput, tensorOfInput } from '../../../keepers/versions/index.ts'

export type TableInput = Extract<ServiceInput, { kind: 'table' }>
export type TextInput = Extract<ServiceInput, { kind: 'text' }>
export type TensorInput = Extract<ServiceInput, { kind: 'tensor' }>

/** The model's input, row-major; or what is wrong, by the name of the field. */
export type Read = { readonly values: readonly number[] } | { readonly problems: Readonly<Record<string, string>> }

/** Characters of a text at most. */
export const MOST_TEXT = 100_000
/** Bytes of a file of arrays at most. */
const MOST_FILE = 64 << 20

export const ARRAY_FORMATS = BYTE_FORMATS

/** One column of a table, as a form asks for it. */
export type TableField = {
  readonly name: string
  /** Names to choose from; null for a number. */
  readonly values: readonly string[] | null
  readonly mayBeEmpty: boolean
  /** Where most of the numbers that members have lie: two deviations around the mean. Null without a scale. */
  readonly usual: { readonly mean: number; readonly low: number; readonly high: number } | null
}

export function tableFields({ features, categories = {}, missing = [], scale }: TableInput): TableField[] {
  return features.map((name, i) => {
    const values = Object.hasOwn(categories, name) ? categories[name]!.values : null
    const at = values === null ? scale?.[i] : undefined
    const usual =
      at === undefined ? null : { mean: at.mean, low: at.mean - 2 * at.deviation, high: at.mean + 2 * at.deviation }
    return { name, values, mayBeEmpty: missing.includes(name), usual }
  })
}

/** The text under a name that a stranger chose; empty where there is none. */
export function ownText(texts: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(texts, name) ? texts[name]! : ''
}

/** The table's one row. @param typed by column; what is not there counts as empty */
export function readTable(input: TableInput, typed: Readonly<Record<string, string>>): Read {
  const { features, scale, categories = {}, missing = [], decimal } = input
  // A stranger named the columns: one may be called like something that every object has.
  const problems: Record<string, string> = Object.create(null)
  const values: number[] = []
  for (const [i, feature] of features.entries()) {
    // Each column by itself, so that all that is wrong is said at once.
    const one = {
      features: [feature],
      ...(scale === undefined ? {} : { scale: [scale[i]!] }),
      ...(Object.hasOwn(categories, feature) ? { categories: { [feature]: categories[feature]! } } : {}),
      ...(missing.includes(feature) ? { missing: [feature] } : {}),
      ...(decimal === undefined ? {} : { decimal }),
    }
    const category = Object.hasOwn(categories, feature) ? categories[feature]! : null
    const into = new Float32Array(category?.as === 'one-hot' ? category.values.length : 1)
    try {
      inputReader(one, [feature], 'form')({ line: 1, fields: [ownText(typed, feature)] }, into)
      values.push(...into)
    } catch (error) {
      problems[feature] = (error as Error).message.replace(/^form:1: /, '')
    }
  }
  return Object.keys(problems).length > 0 ? { problems } : { values }
}

export function readText(input: TextInput, text: string): Read {
  const problem = (what: string): Read => ({ problems: { [input.column]: `'${input.column}' ${what}` } })
  if (text.trim() === '') return problem('is empty: type a text')
  if (text.length > MOST_TEXT) return problem(`has ${text.length} characters, at most ${MOST_TEXT} are read`)
  const into = new Float32Array(input.shape[0])
  inputReader(rowsOfInput(input)!, [input.column], 'form')({ line: 1, fields: [text] }, into)
  if (into.every((value) => value === 0)) return problem('has no word that the model knows')
  return { values: [...into] }
}

/** One sample of a file. @param row from 1 */
export async function readTensor(
  input: TensorInput,
  file: { readonly name: string; readonly bytes: Uint8Array },
  row: number,
): Promise<Read> {
  try {
    if (file.bytes.length > MOST_FILE)
      throw new Error(`${file.name} has ${file.bytes.length} bytes, at most ${MOST_FILE} are read`)
    return { values: await sampleIn(arraysIn(file.bytes, file.name), tensorOfInput(input)!, input.shape, row) }
  } catch (error) {
    return { problems: { [input.array]: (error as Error).message } }
  }
}
