import { mount } from 'svelte';
import './ui/tokens.css';
import './ui/components.css';
import './ui/screens.css';
import App from './app/App.svelte';
import { Device } from './app/device.svelte.ts';
import { startRouter } from './app/router.svelte.ts';
import './app/theme.svelte.ts';
import { startWorker } from './app/worker.ts';

const target = document.getElementById('app');
if (!target) throw new Error('no #app');

startRouter();
mount(App, { target, props: { model: new Device() } });
if (import.meta.env.PROD) void startWorker();
