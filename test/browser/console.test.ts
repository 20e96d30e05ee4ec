// SPDX-License-Identifier: GPL-3.0-or-later
// The console in a browser against `npm run demo -- --serve`; its cases are in console/, by screen.
import { expect } from 'chai'
import type { DemoReport } from '../../scripts/demo/report.ts'
import { findChromium } from '../keepers/zkml/prove/browser.ts'
import { claimCases } from './console/claims.ts'
import { ConsoleDemo } from './console/demo.ts'
import { hostileCases } from './console/hostile.ts'
import { lookCases } from './console/looks.ts'
import { marketCases } from './console/market.ts'
import { modelCases } from './console/model.ts'
import { operatorCases } from './console/operator.ts'
import { serviceCases } from './console/service.ts'
import { simulationCases } from './console/simulation.ts'
import { useCases } from './console/uses.ts'
import { voteCases } from './console/votes.ts'

/** Two rounds make three versions. One keeper stays: the page reads models and its monitoring from it, and no case needs another round. */
const DEMO = ['--rounds', '2', '--model', 'logistic', '--serve-keepers', '1', '--vote-seconds', '20']

describe('the console in a browser', function () {
  this.timeout(600_000)
  const chromium = findChromium()
  let demo: ConsoleDemo
  const errors: string[] = []
  const stage = (): ConsoleDemo => demo

  before(async function () {
    if (chromium === null) {
      console.warn('      no Chromium on the path (COHORT_CHROMIUM): the console is not opened')
      return this.skip()
    }
    demo = await ConsoleDemo.start(chromium, DEMO)
  })
  after(async () => await demo?.[Symbol.asyncDispose]())
  afterEach(async function () {
    for (const error of (await demo?.leave()) ?? []) errors.push(`${this.currentTest?.title}: ${error}`)
  })

  serviceCases(stage)
  modelCases(stage)
  voteCases(stage)
  marketCases(stage)
  simulationCases(stage)
  operatorCases(stage)
  useCases(stage)
  claimCases(stage)
  lookCases(stage)
  hostileCases(stage, 'few', 10_000)

  it('wrote no error to the browser’s console', () => {
    expect(errors).to.deep.equal([])
  })

  it('had a demo that went on to its report', async () => {
    const { rounds, seconds } = JSON.parse(await demo.report()) as Pick<DemoReport, 'rounds' | 'seconds'>
    const steps = Object.entries(seconds.steps).map(([step, took]) => `${step} ${took.toFixed(0)}`)
    console.log(`      seconds of the demo: ${steps.join(', ')}`)
    expect(rounds).to.have.length(2)
  })
})
