// SPDX-License-Identifier: GPL-3.0-or-later
// A picture of one channel, drawn by mouse, finger or keyboard, or read from a file; never sent anywhere.
import { useLayoutEffect, useRef } from 'preact/hooks'

/** Side of the drawing in the page's pixels. */
const SIDE = 280
/** Width of a stroke, as a share of the side; a digit of MNIST has strokes of about two of its 28 pixels. */
const STROKE = 0.075

/** A picture's values, 0 … 1, row by row. */
export type Picture = readonly number[]

export function Drawing({
  rows,
  columns,
  onChange,
}: {
  readonly rows: number
  readonly columns: number
  readonly onChange: (picture: Picture | null) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const last = useRef<{ x: number; y: number } | null>(null)
  const pen = useRef({ x: SIDE / 2, y: SIDE / 4 })
  const clear = (): void => {
    const context = canvas.current!.getContext('2d')!
    context.fillStyle = '#000'
    context.fillRect(0, 0, SIDE, SIDE)
    onChange(null)
  }
  // Before the first paint: nobody can have drawn yet.
  useLayoutEffect(clear, [])
  const stroke = (x: number, y: number): void => {
    const context = canvas.current!.getContext('2d')!
    const from = last.current ?? { x, y }
    context.strokeStyle = '#fff'
    context.lineCap = 'round'
    context.lineWidth = STROKE * SIDE
    context.beginPath()
    context.moveTo(from.x, from.y)
    context.lineTo(x, y)
    context.stroke()
    last.current = { x, y }
  }
  const done = (): void => {
    if (last.current === null) return
    last.current = null
    onChange(readPicture(canvas.current!, rows, columns))
  }
  const move = (event: PointerEvent): void => {
    if (event.buttons === 0) return
    const box = canvas.current!.getBoundingClientRect()
    stroke(((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height)
  }
  /** Arrows move the pen; with Shift they draw. */
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const { x, y } = pen.current
    const size = SIDE / 28
    pen.current = {
      x: Math.min(SIDE, Math.max(0, x + step[0]! * size)),
      y: Math.min(SIDE, Math.max(0, y + step[1]! * size)),
    }
    if (!event.shiftKey) return
    last.current = { x, y }
    stroke(pen.current.x, pen.current.y)
    done()
  }
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    const image = await createImageBitmap(file)
    const context = canvas.current!.getContext('2d')!
    context.drawImage(image, 0, 0, SIDE, SIDE)
    image.close()
    onChange(readPicture(canvas.current!, rows, columns))
  }
  return (
    <div class="drawing">
      <canvas
        ref={canvas}
        width={SIDE}
        height={SIDE}
        tabIndex={0}
        role="img"
        aria-label="Drawing area: draw with the pointer; or move the pen with the arrow keys, and draw with Shift and an arrow key"
        onPointerDown={(event) => {
          canvas.current!.setPointerCapture(event.pointerId)
          move(event)
        }}
        onPointerMove={move}
        onPointerUp={done}
        onKeyDown={key}
      />
      <p>
        <button type="button" onClick={clear}>
          Clear
        </button>{' '}
        <label class="file">
          or take a picture's file:{' '}
          <input type="file" accept="image/*" onChange={(event) => take(event.currentTarget.files?.[0])} />
        </label>
      </p>
    </div>
  )
}

/** The canvas at the model's size, each value the mean of the pixels that it covers; centred by mass, as MNIST's digits are. */
function readPicture(canvas: HTMLCanvasElement, rows: number, columns: number): Picture {
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, SIDE, SIDE)
  const [dx, dy] = offCentre(data)
  const picture = new Array<number>(rows * columns).fill(0)
  const counts = new Array<number>(rows * columns).fill(0)
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const [row, column] = [Math.floor((y * rows) / SIDE), Math.floor((x * columns) / SIDE)]
      const [fromX, fromY] = [x + dx, y + dy]
      const inside = fromX >= 0 && fromY >= 0 && fromX < SIDE && fromY < SIDE
      const at = row * columns + column
      picture[at]! += inside ? data[4 * (fromY * SIDE + fromX)]! / 255 : 0
      counts[at]!++
    }
  }
  return picture.map((sum, i) => sum / Math.max(1, counts[i]!))
}

/** How far the centre of what is drawn lies from the middle, in pixels. */
function offCentre(data: Uint8ClampedArray): [number, number] {
  let [mass, x, y] = [0, 0, 0]
  for (let i = 0; i < SIDE * SIDE; i++) {
    const value = data[4 * i]!
    mass += value
    x += value * (i % SIDE)
    y += value * Math.floor(i / SIDE)
  }
  if (mass === 0) return [0, 0]
  return [Math.round(x / mass - SIDE / 2), Math.round(y / mass - SIDE / 2)]
}
