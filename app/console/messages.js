// Every sentence of the console, in each of its languages. A name is the same in all of them.

export const MESSAGES = {
  en: {
    "console.title": "Stayline console",
  },
  "zh-CN": {
    "console.title": "Stayline 工作台",
  },
};
