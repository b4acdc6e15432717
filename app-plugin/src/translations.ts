import { initPluginTranslations } from '@grafana/i18n';
import { loadResources } from '@grafana/scenes';
import { APP_ID } from './constants.ts';

/** Scenes carries texts of its own, which it asks for as soon as its modules are read. */
export async function initTranslations(): Promise<void> {
  await initPluginTranslations(APP_ID, [loadResources]);
}
