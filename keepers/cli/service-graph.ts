// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort service graph`: who consumes whom.
import { type Command, Option } from 'commander'
import { type ChainOptions, chainCommand, parseAddress, parseCount, print, withChain } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { addressOption } from './nested.ts'
import { interruptible } from './stopping.ts'

const EXAMPLES = `
Examples:
  cohort service graph                          # a tree of text, from the registries of deploy/addresses/localhost.json
  cohort service graph --tree 0x… --ensembles 0x… --labels-at 0x… --depth 2
  cohort service graph --of 0x… --mermaid    # what one service or contract consumes, for Markdown
  cohort service graph --dot | dot -Tsvg > services.svg
  cohort service graph --acyclic                # exit code 1 if a service consumes itself through others
`

type GraphOptions = ChainOptions & {
  readonly tree?: string
  readonly ensembles?: string
  readonly labelsAt?: string
  readonly dot?: boolean
  readonly mermaid?: boolean
  readonly depth?: number
  readonly of?: string
  readonly acyclic?: boolean
}

export function registerServiceGraph(service: Command): void {
  chainCommand(service, 'graph', 'draw which service consumes which: members, ensembles, students, contracts that ask')
    .addOption(addressOption('tree', 'the ServiceTree', 'COHORT_TREE'))
    .addOption(addressOption('ensembles', 'the ServiceEnsemble contract', 'COHORT_ENSEMBLES'))
    .addOption(addressOption('labels-at', 'the PseudoLabels contract', 'COHORT_LABELS'))
    .addOption(new Option('--dot', 'for Graphviz').conflicts(['mermaid', 'json']))
    .addOption(new Option('--mermaid', 'for Markdown that renders Mermaid').conflicts('json'))
    .option('--depth <n>', 'text: most levels below a root', parseCount)
    .option('--of <address>', 'only what this service or contract consumes', parseAddress)
    .option('--acyclic', 'end with exit code 1 if there is a cycle')
    .addHelpText('after', EXAMPLES)
    .action((options: GraphOptions) => interruptible((signal) => graph(options, signal)))
}

async function graph(options: GraphOptions, signal: AbortSignal): Promise<void> {
  const { tree, ensembles, labelsAt, dot = false, mermaid = false, depth, of } = options
  if (depth !== undefined && (dot || mermaid || options.json === true)) {
    throw new UsageError(
      '--depth applies only to the tree of text: leave it out, or leave out --dot, --mermaid and --json',
    )
  }
  const [{ below, drawDot, drawMermaid, drawTree, readGraph }, { getAddress }] = await Promise.all([
    import('../nested/index.ts'),
    import('ethers'),
  ])
  await withChain(options, async ({ provider, deployment }) => {
    const whole = await readGraph(provider, deployment, { tree, ensembles, 'labels-at': labelsAt }, signal)
    const root = of === undefined ? undefined : getAddress(of)
    if (root !== undefined && !whole.nodes.some(({ id }) => id === root)) {
      throw new CommandError(`--of ${root}: it consumes nothing here, and nothing consumes it`, EXIT.failure)
    }
    const found = root === undefined ? whole : below(whole, root)
    print(options, found, dot ? drawDot(found) : mermaid ? drawMermaid(found) : drawTree(found, depth))
    if (options.acyclic === true && found.cycles.length > 0) {
      throw new CommandError(`${found.cycles.length} cycles: a service consumes itself through others`, EXIT.failure)
    }
  })
}
