"""Our forecasters inside other libraries; each module needs its library, and nobody here imports it.

=========================================  ===================================================================
library                                    how
=========================================  ===================================================================
sktime                                     `forecasting.interop.sktime.SktimeForecaster`
statsforecast                              `forecasting.interop.statsforecast.StatsForecastModel`
skforecast, mlforecast, darts' regressors  `reservoir.WindowESNRegressor`, an ordinary regressor of lagged values
=========================================  ===================================================================
"""
