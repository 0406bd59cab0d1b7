import './ui/theme.css';
import './ui/base.css';
import './ui/parts.css';
import './pages/pages.css';
import './pages/tables.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom';
import { BASENAME } from './base/place';
import { dropTokenFromAddress } from './base/token';
import { App } from './pages/App';
import { applyTheme } from './state/preferences';
import { createQueryClient } from './state/queries';

applyTheme();
dropTokenFromAddress();
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={createQueryClient()}>
        <BrowserRouter basename={BASENAME} future={{ v7_relativeSplatPath: true, v7_startTransition: false }}>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
