// SPDX-License-Identifier: GPL-3.0-or-later
// Asks for a model's input, in the form that the manifest's schema gives.
import { useState } from 'preact/hooks'
import type { ServiceInput } from '../../../keepers/versions/index.ts'
import { Field, NumberField } from '../ui/field.tsx'
import { Drawing } from './drawing.tsx'
import {
  ARRAY_FORMATS,
  ownText,
  type Read,
  readTable,
  readTensor,
  readText,
  type TableField,
  type TableInput,
  type TensorInput,
  type TextInput,
  tableFields,
} from './input.ts'
import { PictureFile } from './picture-file.tsx'

/** The model's input, or null while there is none. */
export type Heard = (values: readonly number[] | null) => void

export function InputForm({ input, onChange }: { readonly input: ServiceInput; readonly onChange: Heard }) {
  if (input.kind === 'table') return <TableForm input={input} onChange={onChange} />
  if (input.kind === 'text') return <TextForm input={input} onChange={onChange} />
  if (input.kind === 'tensor') return <TensorForm input={input} onChange={onChange} />
  const [rows, columns, channels] = input.shape
  if (channels === 1) return <Drawing rows={rows} columns={columns} onChange={onChange} />
  if (channels === 3) return <PictureFile rows={rows} columns={columns} onChange={onChange} />
  return <p>This page reads pictures of one channel or of three, the model takes {channels}.</p>
}

const values = (read: Read): readonly number[] | null => ('values' in read ? read.values : null)
const problemsOf = (read: Read | null): Readonly<Record<string, string>> =>
  read !== null && 'problems' in read ? read.problems : {}

function TableForm({ input, onChange }: { readonly input: TableInput; readonly onChange: Heard }) {
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({})
  const [asked, setAsked] = useState<Read | null>(null)
  const fields = tableFields(input)
  const problems = problemsOf(asked)
  const change = (name: string, text: string): void => {
    const next = { ...typed, [name]: text }
    setTyped(next)
    if (asked === null) return
    const read = readTable(input, next)
    setAsked(read)
    onChange(values(read))
  }
  const ask = (row: Readonly<Record<string, string>>): void => {
    const read = readTable(input, row)
    setTyped(row)
    setAsked(read)
    onChange(values(read))
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        ask(typed)
      }}
    >
      {fields.map((field) => (
        <Column
          key={field.name}
          field={field}
          value={ownText(typed, field.name)}
          problem={ownText(problems, field.name)}
          onChange={(text) => change(field.name, text)}
        />
      ))}
      <p>
        <button type="submit">Answer</button>{' '}
        <button type="button" onClick={() => ask(middling(fields, input.decimal))}>
          Fill in usual values
        </button>
      </p>
      <p role="status" class="problem">
        {Object.keys(problems).length > 0 &&
          `${Object.keys(problems).length} of ${fields.length} fields are not right yet.`}
      </p>
    </form>
  )
}

function Column({
  field: { name, values: names, mayBeEmpty, usual },
  value,
  problem,
  onChange,
}: {
  readonly field: TableField
  readonly value: string
  readonly problem: string
  readonly onChange: (text: string) => void
}) {
  const range = usual === null ? 'a number' : `a number, mostly ${short(usual.low)} to ${short(usual.high)}`
  const note = `${names === null ? range : `one of ${names.length}`}${mayBeEmpty ? '; may be empty' : ''}`
  return (
    <Field name={name} note={note} problem={problem}>
      {(ids) =>
        names === null ? (
          <input
            {...ids}
            inputMode="decimal"
            value={value}
            onInput={({ currentTarget }) => onChange(currentTarget.value)}
          />
        ) : (
          <select {...ids} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
            <option value="">{mayBeEmpty ? 'unknown' : 'choose'}</option>
            {names.map((one) => (
              <option key={one} value={one}>
                {one.slice(0, 80)}
              </option>
            ))}
          </select>
        )
      }
    </Field>
  )
}

const short = (value: number): string => String(Number(value.toPrecision(3)))

/** The means, and the first of each list of names: nobody's row, to begin with. */
function middling(fields: readonly TableField[], decimal: ',' | undefined): Record<string, string> {
  const number = (value: number): string => (decimal === ',' ? short(value).replace('.', ',') : short(value))
  return Object.fromEntries(
    fields.map(({ name, values: names, usual }) => [name, names === null ? number(usual?.mean ?? 0) : names[0]!]),
  )
}

function TextForm({ input, onChange }: { readonly input: TextInput; readonly onChange: Heard }) {
  const [text, setText] = useState('')
  const [asked, setAsked] = useState<Read | null>(null)
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        const read = readText(input, text)
        setAsked(read)
        onChange(values(read))
      }}
    >
      <Field name={input.column} note="a text" problem={ownText(problemsOf(asked), input.column)}>
        {(ids) => (
          <textarea {...ids} rows={6} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        )}
      </Field>
      <p>
        <button type="submit">Answer</button>
      </p>
    </form>
  )
}

function TensorForm({ input, onChange }: { readonly input: TensorInput; readonly onChange: Heard }) {
  const [file, setFile] = useState<{ name: string; bytes: Uint8Array } | null>(null)
  const [row, setRow] = useState(1)
  const [asked, setAsked] = useState<Read | null>(null)
  const read = async (from: typeof file, at: number): Promise<void> => {
    const found = from === null ? null : await readTensor(input, from, at)
    setAsked(found)
    onChange(found === null ? null : values(found))
  }
  return (
    <form class="form" onSubmit={(event) => event.preventDefault()}>
      <Field
        name={input.array}
        note={`a file (${ARRAY_FORMATS.join(', ')}) with an array of [samples, ${input.shape.join(', ')}]`}
        problem={ownText(problemsOf(asked), input.array)}
      >
        {(ids) => (
          <input
            {...ids}
            type="file"
            accept={ARRAY_FORMATS.join(',')}
            onChange={async ({ currentTarget }) => {
              const chosen = currentTarget.files?.[0]
              const next =
                chosen === undefined ? null : { name: chosen.name, bytes: new Uint8Array(await chosen.arrayBuffer()) }
              setFile(next)
              await read(next, row)
            }}
          />
        )}
      </Field>
      <NumberField
        {...{ name: 'Which sample of the file', value: row, min: 1, max: 1_000_000 }}
        onChange={(at) => {
          setRow(at)
          void read(file, at)
        }}
      />
    </form>
  )
}
