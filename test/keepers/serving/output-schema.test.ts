// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { OUTPUT_FORMS, outputSchemaOf } from '../../../keepers/serving/index.ts'
import type { IntegerProgram, OutputSpec } from '../../../keepers/zkml/index.ts'

/** As much of a program as says what it puts out. */
function puttingOut(output: OutputSpec, scale = 1): IntegerProgram {
  return { output, scores: 'y', tensors: [{ id: 'y', scale }] } as unknown as IntegerProgram
}

describe('the schema of a circuit’s output', () => {
  it('is the hub’s form for each kind of output', () => {
    const forms = (
      [
        [{ kind: 'label' }, 'label'],
        [{ kind: 'margin' }, 'label-and-margin'],
        // Whether a threshold is reached: class 1 or 0.
        [{ kind: 'score', index: 1, threshold: 5 }, 'label'],
        [{ kind: 'logits-commitment' }, 'hash'],
      ] as const
    ).map(([output, form]) => {
      const schema = outputSchemaOf(puttingOut(output))
      expect(schema.scale, output.kind).to.equal(0n)
      expect(OUTPUT_FORMS[schema.form], output.kind).to.equal(form)
      return schema.form
    })
    // Nobody states nothing: the hub would refuse it.
    expect(forms).not.to.include(OUTPUT_FORMS.indexOf('unstated'))
  })

  it('has a scale for a score: units that make one, at least one', () => {
    const score = OUTPUT_FORMS.indexOf('score')
    for (const [scale, units] of [
      [1 / 4096, 4096n],
      [0.0012, 833n],
      [1, 1n],
      [7, 1n],
    ] as const) {
      expect(outputSchemaOf(puttingOut({ kind: 'value' }, scale))).to.deep.equal({ form: score, scale: units })
    }
  })
})
