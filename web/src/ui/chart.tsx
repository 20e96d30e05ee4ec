// SPDX-License-Identifier: GPL-3.0-or-later
import { useEffect, useRef } from 'preact/hooks'
import 'uplot/dist/uPlot.min.css'
import type uPlot from 'uplot'

export type Curve = { readonly label: string; readonly color: string; readonly values: readonly (number | null)[] }

/** Between the marks of an axis on which things are counted: there is no half a round. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat()

/**
 * Curves over the rounds. The drawing library is fetched when the first chart is shown. Beside it stands the table: a chart is never the only
 * place of a figure.
 */
export function Chart({
  rounds,
  curves,
  title,
  axis: counted = 'round',
}: {
  readonly rounds: readonly number[]
  readonly curves: readonly Curve[]
  readonly title: string
  /** Name of what is counted along the axis. */
  readonly axis?: string
}) {
  const place = useRef<HTMLDivElement>(null)
  const drawn = useRef<uPlot | null>(null)
  const data = [[...rounds], ...curves.map(({ values }) => [...values])] as unknown as uPlot.AlignedData
  useEffect(() => {
    let gone = false
    const element = place.current!
    const ink = getComputedStyle(element).color
    const axis = { stroke: ink, grid: { stroke: 'rgb(128 128 128 / 25%)' }, ticks: { stroke: ink } }
    const size = (): { width: number; height: number } => ({ width: Math.max(280, element.clientWidth), height: 220 })
    const observer = new ResizeObserver(() => drawn.current?.setSize(size()))
    void import('uplot').then(({ default: Plot }) => {
      if (gone) return
      drawn.current = new Plot(
        {
          ...size(),
          scales: { x: { time: false } },
          axes: [{ ...axis, label: counted, incrs: WHOLE_STEPS }, axis],
          series: [{ label: counted }, ...curves.map(({ label, color }) => ({ label, stroke: color, width: 2 }))],
        },
        data,
        element,
      )
      observer.observe(element)
    })
    return () => {
      gone = true
      observer.disconnect()
      drawn.current?.destroy()
      drawn.current = null
    }
  }, [curves.length])
  useEffect(() => drawn.current?.setData(data), [rounds, curves])
  return <div class="chart" ref={place} role="img" aria-label={`${title}; the table below has the same figures`} />
}
