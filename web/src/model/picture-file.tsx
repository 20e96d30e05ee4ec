// SPDX-License-Identifier: GPL-3.0-or-later
// A coloured picture from a file, at the size that the model takes. It stays in the page.
import { useRef, useState } from 'preact/hooks'
import { Field } from '../ui/field.tsx'

export function PictureFile({
  rows,
  columns,
  onChange,
}: {
  readonly rows: number
  readonly columns: number
  readonly onChange: (values: readonly number[] | null) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [problem, setProblem] = useState('')
  const take = async (file: File | undefined): Promise<void> => {
    setProblem('')
    if (file === undefined) return onChange(null)
    try {
      const image = await createImageBitmap(file)
      const context = canvas.current!.getContext('2d')!
      context.drawImage(image, 0, 0, columns, rows)
      image.close()
      const { data } = context.getImageData(0, 0, columns, rows)
      onChange(Array.from({ length: rows * columns * 3 }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]! / 255))
    } catch (error) {
      setProblem(`Picture: ${file.name} cannot be read (${(error as Error).message})`)
      onChange(null)
    }
  }
  return (
    <div class="drawing">
      <canvas ref={canvas} width={columns} height={rows} role="img" aria-label="The picture as the model takes it" />
      <Field name="Picture" note={`is brought to ${columns} × ${rows} pixels`} problem={problem}>
        {(ids) => (
          <input
            {...ids}
            type="file"
            accept="image/*"
            onChange={({ currentTarget }) => take(currentTarget.files?.[0])}
          />
        )}
      </Field>
    </div>
  )
}
