import type { RoleName } from "./role.svelte";

interface Words {
  guide: string;
  follow: string;
  compare: string;
  bench: string;
  evidence: string;
  trial: string;
  person: string;
  steps: Record<"dose" | "plasma" | "receptors" | "glutamate" | "synapses" | "mood", string>;
  blood: string;
  felt: Record<string, string>;
  circuit: string;
  spines: string;
  score: string;
  effect: string;
}

const FELT = {
  cadss: "Detached feeling (CADSS)",
  sbp: "Systolic blood pressure",
  sedation: "Wakefulness (MOAA/S)",
  nausea: "Probability of nausea, at each moment",
  "nmda.occupancy": "NMDA channels held shut",
};

/** The words of the page, by reader. The same quantities under each of them. */
export const SAY: Record<RoleName, Words> = {
  learn: {
    guide:
      "Plain words and plain counts, with the same hundred people each time. It names no dose and decides nothing for anyone.",
    follow:
      "One dose of ketamine, from the blood to the mood. Drag the time and see what happens when; move the dose and see what changes.",
    compare: "The same people get each drug by each route. What differs, for how long, and what has to be watched?",
    bench: "Several explanations compete. Each is a version of the model; each is held against the published evidence.",
    evidence:
      "What people say about ketamine, and what evidence and model say about it. Every number of the model with its source.",
    trial:
      "Arms, visits, dropout and blinding as a file; power as a spread over what may be true. For research and teaching.",
    person:
      "What each score changes in a forecast, options side by side, and published rules; for research and teaching. Nothing is stored.",
    steps: {
      dose: "Dose",
      plasma: "Blood",
      receptors: "Receptors",
      glutamate: "Glutamate",
      synapses: "Synapses",
      mood: "Mood",
    },
    blood: "In the blood",
    felt: FELT,
    circuit: "Glutamate, BDNF",
    spines: "Lost synapses regrown",
    score: "Depression score (MADRS)",
    effect: "Effect beyond placebo",
  },
  research: {
    guide: "The lay guide: every number resolves to a published record, a claim of the ledger, a value or a run.",
    follow:
      "Regimen to MADRS: venous levels, NMDA occupancy, circuit, spines, score. Typical person, spread between people, posterior of the model.",
    compare:
      "Arms in the same simulated people; differences are within person. Exposure, occupancy, acute effects, MADRS.",
    bench:
      "Hypotheses as variants of the chain, calibrated to the same studies; weights, leave-one-out swings, designs by expected information.",
    evidence:
      "Every value with unit, spread, source, place and grade; the scorecard of published numbers; the claims ledger.",
    trial:
      "Arms, visits, dropout and blinding as a file; power as a spread over what may be true. For research and teaching.",
    person:
      "What each score changes in a forecast, options side by side, and published rules; for research and teaching. Nothing is stored.",
    steps: {
      dose: "Dose",
      plasma: "Plasma, venous",
      receptors: "NMDA occupancy",
      glutamate: "Glutamate",
      synapses: "Spines",
      mood: "MADRS change",
    },
    blood: "Venous level",
    felt: { ...FELT, cadss: "Dissociation (CADSS)", sedation: "Sedation (MOAA/S)", "nmda.occupancy": "NMDA occupancy" },
    circuit: "Glutamate, BDNF",
    spines: "Spines, of the lost share",
    score: "MADRS",
    effect: "Change minus placebo",
  },
  clinic: {
    guide: "What a person who reads about ketamine finds here; for teaching. Not reviewed by a clinician yet.",
    follow:
      "What is given, what is felt and watched in the session, and how the score moves in the weeks after. For teaching; it names no dose for anyone.",
    compare: "Routes side by side: onset, duration, what reaches the blood, approval, monitoring, acute effects.",
    bench: "Why it might work is open. What the competing explanations predict, and which trial would tell them apart.",
    evidence: "Claims with verdicts, the studies behind them, and every number of the model with its source.",
    trial:
      "Arms, visits, dropout and blinding as a file; power as a spread over what may be true. For research and teaching.",
    person:
      "What each score changes in a forecast, options side by side, and published rules; for research and teaching. Nothing is stored.",
    steps: {
      dose: "Dose",
      plasma: "Blood",
      receptors: "NMDA receptors",
      glutamate: "Glutamate",
      synapses: "Synapses",
      mood: "Mood (MADRS)",
    },
    blood: "In the blood",
    felt: { ...FELT, cadss: "Dissociation, detached feeling (CADSS)" },
    circuit: "Glutamate, BDNF",
    spines: "Lost synapses regrown",
    score: "Depression score (MADRS)",
    effect: "Effect beyond placebo",
  },
};
