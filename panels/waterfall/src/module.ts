import { PanelPlugin } from '@grafana/data';
import { DEFAULT_OPTIONS, type WaterfallOptions } from './options.ts';
import { WaterfallPanel } from './WaterfallPanel.tsx';

export const plugin = new PanelPlugin<WaterfallOptions>(WaterfallPanel).setNoPadding().setPanelOptions((builder) =>
  builder
    .addBooleanSwitch({
      path: 'showFinding',
      name: 'Finding',
      description: 'The trace in one sentence, and what limits trust in it, above the waterfall.',
      defaultValue: DEFAULT_OPTIONS.showFinding,
    })
    .addBooleanSwitch({
      path: 'layers.application',
      name: 'Application layer',
      description: 'Spans that an SDK reported. Hidden rows lift their children to the row above.',
      defaultValue: true,
    })
    .addBooleanSwitch({
      path: 'layers.process',
      name: 'Process layer',
      description: 'Exchanges at the socket of a process.',
      defaultValue: true,
    })
    .addBooleanSwitch({
      path: 'layers.network',
      name: 'Network layer',
      description: 'Hops on the way of a request, and hosts that saw it as packets only.',
      defaultValue: true,
    })
    .addRadio({
      path: 'rowHeight',
      name: 'Row height',
      defaultValue: DEFAULT_OPTIONS.rowHeight,
      settings: {
        options: [
          { value: 'compact', label: 'Compact' },
          { value: 'comfortable', label: 'Comfortable' },
        ],
      },
    })
    .addBooleanSwitch({
      path: 'hopStrips',
      name: 'Hop strips',
      description: 'Under each call, the points on its way in one line.',
      defaultValue: DEFAULT_OPTIONS.hopStrips,
    })
    .addBooleanSwitch({
      path: 'syncUrl',
      name: 'Selected span in the URL',
      description: 'As spanId: a link opens the same span.',
      defaultValue: DEFAULT_OPTIONS.syncUrl,
    })
);
