import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { notices } from "./notices.js";

// everything ends in one script and one style sheet of our own: no address of another machine, nothing inline
export default defineConfig({
  plugins: [svelte(), notices()],
  base: "./",
  build: {
    outDir: "../src/ketasim/web/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    chunkSizeWarningLimit: 400,
  },
});
